"""A second broker for the Kafka of `deploy/engines`: what lies on it alone has no leader while it is away.

`python -m tests.second_broker FOLDER` starts it, and leaves it behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from subprocess import run
from typing import Any

from deploy.engines.engine import home
from deploy.engines.kafka import Kafka
from tests.waiting import until

FIRST, SECOND = 1, 2
_MOVING = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"


class SecondBroker(Kafka):
    """A node of the same cluster that is no controller; everything of its own is below `folder`."""

    formatting = ()

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.installed = home() / "installed"
        self._first = Kafka()

    def properties(self, port: int, password: str) -> dict[str, object]:
        first = self._known()
        return {
            **super().properties(port, first["password"]),
            "process.roles": "broker",
            "node.id": SECOND,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{first['port'] + 1}",
            "listeners": f"CLIENT://127.0.0.1:{port}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{port}",
        }

    def start(self) -> None:
        """Start it by a process of its own, and wait until it answers."""
        run([sys.executable, "-m", "tests.second_broker", str(self.folder.parent)], check=True)

    def move(self, partitions: Iterable[tuple[str, int]], broker: int) -> None:
        """Have partitions of topics lie on this broker alone."""
        plan, client = self.folder / "plan.json", self.folder / "client.properties"
        wanted = [{"topic": topic, "partition": number, "replicas": [broker]} for topic, number in partitions]
        plan.write_text(json.dumps({"version": 1, "partitions": wanted}))
        first = self._known()
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        client.write_text(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
            f'sasl.jaas.config={login} username="autolearn" password="{first["password"]}";\n'
        )
        told = [*self.java(), _MOVING, "--bootstrap-server", f"127.0.0.1:{first['port']}"]
        told += ["--command-config", str(client), "--reassignment-json-file", str(plan)]
        run([*told, "--execute"], check=True, capture_output=True)

        def moved() -> bool:
            said = run([*told, "--verify", "--preserve-throttles"], check=True, capture_output=True, text=True).stdout
            return "still in progress" not in said

        until(moved, 60, f"{plan.read_text()} done")

    def _known(self) -> dict[str, Any]:
        there = self._first.running()
        assert there is not None, "there is no first broker"
        return there


if __name__ == "__main__":
    SecondBroker(Path(sys.argv[1])).up()
