"""Platforms of many processes for tests: `autolearn cluster up` over places of their own in real engines."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Self

import httpx

from cli.supervising import Cluster, Process
from deploy.trial_cluster import cluster_file
from tests.engine_place import Engines
from tests.engine_platform import EnginePlatform
from tests.places import Place
from tests.waiting import until


class ClusterPlatform(EnginePlatform):
    """Every role in its own process; `more` says how many there are of a program, one unless told."""

    def __init__(self, folder: Path, more: dict[str, int] | None = None, **settings: str) -> None:
        super().__init__(folder, **settings)
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
