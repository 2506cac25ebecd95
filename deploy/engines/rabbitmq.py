"""RabbitMQ, from Debian's package, as a process of this user with a node, folder and ports of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.engines.engine import Engine, EngineError, run

_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ(Engine):
    """One node; its Erlang distribution and port mapper stand on the two ports behind its own."""

    name = "rabbitmq"
    setting = "AUTOLEARN_MESSAGE_BUS"

    def install(self) -> None:
        if _PROGRAM.exists():
            return
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise EngineError("rabbitmq is not installed; install the package rabbitmq-server (3.10 or newer)")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-q"], "apt-get update", **quiet)
        run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "rabbitmq-server"], "installing", **quiet)

    def command(self, port: int, password: str) -> tuple[Sequence[str], Mapping[str, str]]:
        configuration = self.folder / "rabbitmq.conf"
        configuration.touch(0o600)
        configuration.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\n"
            "default_user = autolearn\n"
            f"default_pass = {password}\n"
            "distribution.listener.interface = 127.0.0.1\n"
            "log.console = true\nlog.file = false\nlog.console.level = warning\n"
        )
        (self.folder / "enabled_plugins").write_text("[].\n")
        return [str(_PROGRAM)], {
            **self._mapper(port),
            "RABBITMQ_NODENAME": f"autolearn{port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(port + 1),
        }

    def url(self, port: int, password: str) -> str:
        return f"amqp://autolearn:{password}@127.0.0.1:{port}/"

    def stopped(self, was: Mapping[str, Any]) -> None:
        """The port mapper is a daemon that outlives its node."""
        mapper = shutil.which("epmd")
        if mapper:
            environment = {**os.environ, **self._mapper(was["port"])}
            subprocess.run([mapper, "-kill"], env=environment, capture_output=True, check=False)

    def _mapper(self, port: int) -> dict[str, str]:
        return {"ERL_EPMD_PORT": str(port + 2), "ERL_EPMD_ADDRESS": "127.0.0.1"}
