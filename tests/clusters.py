"""Platforms of many processes for tests: `autolearn cluster up` over places of their own in real engines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx

from cli.supervising import Cluster, Process
from deploy.trial_cluster import cluster_file
from tests.engine_place import Engines
from tests.engine_platform import EnginePlatform
from tests.places import Place
from tests.proxies import Proxies
from tests.waiting import until

OFTEN = {"AUTOLEARN_RECONCILE": "1", "AUTOLEARN_SWEEP": "0.5"}
"""Less often than one process in tests: twenty that look for lost bells ten times a second leave no time to work."""

_INDEXED = 240.0
"""Seconds for the index: a minute's calls of twenty processes, in a record store that scans where it should look up."""


class ClusterPlatform(EnginePlatform):
    """Every role in its own process; `more` says how many there are of a program, one unless told."""

    def __init__(
        self, folder: Path, more: dict[str, int] | None = None, proxies: Proxies | None = None, **settings: str
    ) -> None:
        super().__init__(folder, proxies, **{**OFTEN, **settings})
        self.cluster = Cluster(folder / "cluster")
        self.file = folder / "cluster.conf"
        self.file.write_text(cluster_file(more))

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:  # a time-out too must leave no process behind
            self.cluster.down(60)
            raise

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.cluster.down(60)

    def start(self) -> Self:
        """Start it and wait until every process listens."""
        said = self.cli("cluster", "up", "--folder", str(self.cluster.folder), "--file", str(self.file), timeout=240)
        assert said.code == 0, (said, self.words())
        self.url = next(one.url for one in self.processes() if one.name == "gateway-rest-0") or ""
        self.http.close()
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False)
        return self

    def settle(self, seconds: float = 60.0) -> None:
        """Wait until no job is open, and until the index of the log has what an outage has held up."""
        super().settle(seconds)

        def indexed() -> bool:
            with suppress(httpx.ReadTimeout):
                return self.http.get("/v1/log/events", params={"limit": 1}).status_code == 200
            return False

        until(indexed, _INDEXED, "the index of the log", every=1)

    def stop(self, timeout: float = 60.0) -> int:
        """Stop all processes."""
        assert self.cluster.down(timeout)
        return 0

    def processes(self) -> list[Process]:
        """Every process as supervisor sees it."""
        return self.cluster.processes()

    def murder(self, name: str) -> None:
        """`kill -9` a process, and wait until another one listens in its place."""
        victim = next(one for one in self.processes() if one.name == name)
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)

        def listens_again() -> bool:
            now = next(one for one in self.processes() if one.name == name)
            return now.url is not None and now.pid != victim.pid

        until(listens_again, 60, f"{name} again")

    @contextmanager
    def without(self, program: str) -> Iterator[None]:
        """None of the processes of a program run."""

        def do(verb: str) -> None:
            told = {**os.environ, "CLUSTER_PYTHON": sys.executable, "CLUSTER_FOLDER": str(self.cluster.folder)}
            words = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.file), verb, f"{program}:*"]
            subprocess.run(words, env=told, check=True, capture_output=True)

        do("stop")
        try:
            yield
        finally:
            do("start")
            until(lambda: all(one.url for one in self.processes()), 60, f"{program} again", every=0.5)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON answer to a GET, asked for again while it is to try again later, as our own client does."""

        def asked() -> httpx.Response | None:
            answer = self.http.get(path, params=query)
            return None if answer.status_code == 503 != status else answer

        return self._answer(until(asked, 60, f"an answer to {path}"), status)

    def place(self) -> Place:
        folders = [path for path in sorted(self.cluster.folder.iterdir()) if path.is_dir()]
        return Engines(self.urls, folders, self.cluster.folder / "master.key")

    def logs_of(self) -> list[Path]:
        return sorted(self.cluster.folder.glob("*.log"))

    def words(self) -> str:
        """The end of every log, for a test that failed."""
        return "\n".join(f"{path.name}: {path.read_text()[-500:]}" for path in self.logs_of())
