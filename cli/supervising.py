"""The processes of the distributed mode on this machine, kept by supervisor (supervisord.org)."""

from __future__ import annotations

import http.client
import os
import secrets
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolearn import finding
from common import errors
from common.settings import SERVICES, data_home

SHIPPED = Path(__file__).with_name("cluster.conf")
READY_WITHIN = 180.0
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Process:
    """One process as supervisor sees it; `state` is its word (RUNNING, BACKOFF …), `url` where it listens by now."""

    name: str
    state: str
    pid: int | None
    url: str | None
    said: str


class Cluster:
    """The processes whose data lies in `folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or data_home() / "cluster").expanduser().absolute()

    def up(self, file: Path | None) -> list[Process]:
        """Prepare the engines, start every program of `file` and wait until all of them run.

        Raises `errors.Conflict` when it runs already or a program cannot be started; what was started is stopped then.
        """
        if self.running():
            raise errors.Conflict(f"a cluster runs on {self.folder} already; `autolearn cluster status` shows it")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = self._environment()
        self._run([sys.executable, "-m", "embedded", "--init", f"--data={self.folder / 'init'}"], environment)
        self._run([sys.executable, "-m", "supervisor.supervisord", "-c", str(file or SHIPPED)], environment)
        deadline = time.monotonic() + READY_WITHIN
        while True:
            found = self.processes()
            if found and all(process.url for process in found):
                return found
            if time.monotonic() > deadline:
                late = [process.name for process in found if not process.url]
                words = self._last_words(late[0]) if late else "supervisor does not answer"
                self.down(READY_WITHIN)
                raise errors.Conflict(
                    f"not running after {READY_WITHIN:g} s: {', '.join(late)}; logs are in {self.folder}; {words}"
                )
            time.sleep(0.2)  # supervisor tells nobody by itself

    def down(self, timeout: float) -> bool:
        """Stop all processes and supervisor; False when nothing runs.

        Raises `errors.Unavailable` when they still run after `timeout` seconds.
        """
        import psutil

        pid = self._ask("getPID")
        if pid is None:
            return False
        try:
            supervisor = psutil.Process(pid)
            self._ask("shutdown")
            # Its socket goes first: only when it has ended have all processes.
            supervisor.wait(timeout)
        except psutil.NoSuchProcess:
            return True
        except psutil.TimeoutExpired as error:
            raise errors.Unavailable(f"the cluster on {self.folder} still stops after {timeout:g} s") from error
        return True

    def processes(self) -> list[Process]:
        """Every process; none when no supervisor answers."""
        return [self._process(each) for each in self._ask("getAllProcessInfo") or ()]

    def running(self) -> bool:
        """Whether supervisor answers."""
        return self._ask("getState") is not None

    def _process(self, told: Mapping[str, Any]) -> Process:
        listens = finding.running_server(self.folder / told["name"])
        url = listens.url if listens is not None and listens.pid == told["pid"] else None
        return Process(told["name"], told["statename"], told["pid"] or None, url, told["description"])

    def _last_words(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return f"the last words of {name}: {lines[-1]}" if lines else f"{name} has said nothing"

    def _ask(self, method: str) -> Any:
        """What supervisor answers, None when it does not. `errors.Conflict` when it is not installed."""
        try:
            from supervisor.xmlrpc import SupervisorTransport
        except ModuleNotFoundError as error:
            raise errors.Conflict(
                "this installation lacks supervisor, which keeps the processes; install it with"
                " pip install 'autolearn[cluster]'"
            ) from error
        transport = SupervisorTransport(None, None, f"unix://{self.folder / 'supervisor.sock'}")
        try:
            return getattr(xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor, method)()
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return None
        finally:
            if transport.connection is not None:  # its own close() leaves the socket of a refused connection open
                transport.connection.close()

    def _environment(self) -> dict[str, str]:
        """What the processes share. The service token is kept between starts, so that nothing needs it told."""
        mine: Mapping[str, str] = os.environ
        told = {
            **mine,
            "CLUSTER_PYTHON": sys.executable,
            "CLUSTER_FOLDER": str(self.folder),
            "AUTOLEARN_MASTER_KEY": mine.get("AUTOLEARN_MASTER_KEY") or str(self.folder / "master.key"),
            "AUTOLEARN_SERVICE_TOKEN": mine.get("AUTOLEARN_SERVICE_TOKEN") or self._token(),
        }
        said_by_the_file = {"AUTOLEARN_DATA", "AUTOLEARN_PORT", *(f"AUTOLEARN_{name.upper()}_URL" for name in SERVICES)}
        return {name: value for name, value in told.items() if name not in said_by_the_file}

    def _token(self) -> str:
        path = self.folder / "service.token"
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(_TOKEN_BYTES))
        return path.read_text()

    @staticmethod
    def _run(command: list[str], environment: Mapping[str, str]) -> None:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise errors.Conflict(words[-1].removeprefix("autolearn: ") if words else f"{command[2]} ended at once")
