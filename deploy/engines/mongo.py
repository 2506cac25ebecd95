"""A server that speaks MongoDB's protocol: mongo-java-server on H2, from Maven Central, run by the Java that is here.

It stands in for MongoDB where no binary of that can be had. A real one is tested by its URL, AUTOLEARN_TEST_MONGO_URL.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.engines.engine import Engine, run

_SOURCES = Path(__file__).with_name("mongo_server")
_VERSION = "1.47.0"
_LOG = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    # It warns of each index that it does not build: it has unique ones only, and scans for the rest.
    "-Dorg.slf4j.simpleLogger.log.de.bwaldvogel.mongo.backend.AbstractMongoDatabase=error",
)


class Mongo(Engine):
    """One server on one file. It knows no users: only loopback keeps others away."""

    name = "mongo"
    setting = "AUTOLEARN_RECORD_STORE"

    def install(self) -> None:
        self.program("java", "install a JDK, 17 or newer")
        libraries = self._libraries()
        if not libraries.exists():
            maven = self.program("mvn", "install Maven")
            new = libraries.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            words = [maven, "-q", "-B", "-f", str(_SOURCES / "pom.xml"), "dependency:copy-dependencies"]
            run([*words, f"-DoutputDirectory={new}"], "mvn dependency:copy-dependencies")
            new.replace(libraries)

    def command(self, port: int, password: str) -> tuple[Sequence[str], Mapping[str, str]]:
        java = self.program("java", "install a JDK, 17 or newer")
        words = [java, "-XX:+UseSerialGC", "-Xmx384m", *_LOG]
        sources = str(_SOURCES / "MongoEngine.java")
        return [*words, "-cp", f"{self._libraries()}/*", sources, str(port), str(self.folder / "data.h2")], {}

    def url(self, port: int, password: str) -> str:
        return f"mongodb://127.0.0.1:{port}/autolearn"

    def _libraries(self) -> Path:
        return self.installed / f"mongo-java-server-{_VERSION}"
