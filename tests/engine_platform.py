"""Platforms whose state, log, messages and blobs are in real engines, in places of their own there."""

from __future__ import annotations

from pathlib import Path

from tests import engines
from tests.engine_place import Engines
from tests.places import Place
from tests.platforms import Platform
from tests.proxies import Proxies

SETTINGS = {"record_store": "mongo", "event_log": "kafka", "message_bus": "rabbitmq", "blob_store": "s3"}
"""The engine of each setting."""


class EnginePlatform(Platform):
    """One process over the engines; with `Victim` beside it in a class, one that dies there.

    `proxies` are what it goes through; the oracle does not.
    """

    def __init__(self, folder: Path, proxies: Proxies | None = None, **settings: str) -> None:
        self.urls = {name: engines.own(engine) for name, engine in SETTINGS.items()}
        ways = {name: proxies.url(SETTINGS[name], url) if proxies else url for name, url in self.urls.items()}
        super().__init__(folder, **{f"AUTOLEARN_{name.upper()}": url for name, url in ways.items()}, **settings)

    def place(self) -> Place:
        """What the oracle looks at."""
        return Engines(self.urls, [self.data], self.data / "master.key")
