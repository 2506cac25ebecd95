"""Apache Kafka in KRaft mode: one node, its jars from Maven Central by a pom of ours, run by the installed Java."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.engines.engine import Engine, run

_POM = Path(__file__).with_name("kafka-pom.xml")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_VERSION = "4.1.0"
_CLUSTER = "YXV0b2xlYXJuLWVuZ2luZQ"  # sixteen bytes in base64, as Kafka wants it: "autolearn-engine"


class Kafka(Engine):
    """Broker and controller in one; the controller stands on the port behind its own. Both ask for the password."""

    name = "kafka"
    setting = "AUTOLEARN_EVENT_LOG"
    formatting = ("--standalone",)
    """How the folder is formatted that its data goes to."""

    @property
    def _jars(self) -> Path:
        return self.installed / f"kafka-{_VERSION}"

    def install(self) -> None:
        self.program("java", "install a Java runtime, 17 or newer")
        if self._jars.exists():
            return
        maven = self.program("mvn", "install Maven 3.8 or newer")
        new = self._jars.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        shutil.copy(_POM, new / "pom.xml")
        jars = f"-DoutputDirectory={new / 'libs'}"
        run([maven, "-q", "-B", "-f", str(new / "pom.xml"), _COPY, jars], f"getting Kafka {_VERSION} by Maven")
        new.rename(self._jars)

    def command(self, port: int, password: str) -> tuple[Sequence[str], Mapping[str, str]]:
        properties = self.folder / "server.properties"
        properties.touch(0o600)
        properties.write_text("".join(f"{name}={value}\n" for name, value in self.properties(port, password).items()))
        if not (self.folder / "data" / "meta.properties").exists():
            formatting = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties), *self.formatting]
            run([*self.java(), *formatting], "formatting Kafka's folder")
        return [*self.java(), "kafka.Kafka", str(properties)], {}

    def java(self) -> list[str]:
        """The words that run a class of Kafka's."""
        program = self.program("java", "install a Java runtime, 17 or newer")
        return [program, "-XX:+UseSerialGC", "-Xmx512m", "-cp", f"{self._jars / 'libs'}/*"]

    def properties(self, port: int, password: str) -> dict[str, object]:
        """What stands in its server.properties."""
        return _properties(self.folder / "data", port, password)

    def url(self, port: int, password: str) -> str:
        return f"kafka://autolearn:{password}@127.0.0.1:{port}?mechanism=PLAIN"

    def answers(self, port: int) -> bool:
        """Whether it speaks: the port is open a second before that. Asks for ApiVersions, the first of its protocol."""
        question = bytes.fromhex("0012 0000 00000001 0009") + b"autolearn"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(len(question).to_bytes(4, "big") + question)
            return len(connection.recv(8)) == 8
        return False


def _properties(data: Path, port: int, password: str) -> dict[str, object]:
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    user = f'username="autolearn" password="{password}" user_autolearn="{password}"'
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{port + 1}",
        "listeners": f"CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": f"{login} {user};",
        "listener.name.controller.plain.sasl.jaas.config": f"{login} {user};",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        # One node cannot replicate anything.
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
    }
