"""Other machines: network namespaces with a cable to this one, and nothing of this one's folders that is hidden."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import pytest

from cli.supervising import SHIPPED, Cluster
from tests.warm import ROOT

_PROGRAM = re.compile(r"^\[program:([a-z-]+)\]", re.MULTILINE)


class Host:
    """The machine with this number; its folder is its disk, and `hidden` are folders that it does not see.

    The address of this machine, as seen from it, is `gateway`. Skips where namespaces cannot be made.
    """

    def __init__(self, number: int, folder: Path, hidden: Sequence[Path]) -> None:
        self.name, self.folder, self._hidden = f"autolearn{number}-{os.getpid()}", folder, hidden
        self.gateway, self._address = f"10.77.{number}.1", f"10.77.{number}.2"
        self._cable = f"al{number}-{os.getpid() % 1_000_000}"
        self.cluster = Cluster(folder / "cluster")

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or not shutil.which("ip"):
            pytest.skip("network namespaces need root and iproute2")
        made = subprocess.run(["ip", "netns", "add", self.name], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
        try:
            _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            _ip("addr", "add", f"{self.gateway}/24", "dev", self._cable)
            _ip("link", "set", self._cable, "up")
            for words in (
                ("addr", "add", f"{self._address}/24", "dev", "eth0"),
                *(("link", "set", one, "up") for one in ("eth0", "lo")),
            ):
                _ip("-n", self.name, *words)
            self.folder.mkdir(parents=True, exist_ok=True)
        except BaseException:  # or the next ones with its addresses would not be reached
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=True)  # the cable goes with it

    def run(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
        """Run a program on it; what it prints. Its own mounts are gone with it."""
        hide = "".join(f"mount -t tmpfs none {path} && " for path in self._hidden)
        told = ["ip", "netns", "exec", self.name, "unshare", "--mount", "sh", "-c", f'{hide}exec "$@"', "sh", *words]
        done = subprocess.run(told, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return done.stdout

    def work(self, programs: Sequence[str], services: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """Run these programs of a cluster whose services are at these URLs."""
        text = SHIPPED.read_text()
        for name in _PROGRAM.findall(text):
            if name not in programs:
                text = re.sub(rf"^\[program:{name}\].*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
        for name, url in services.items():
            text = re.sub(rf'AUTOLEARN_{name.upper()}_URL="[^"]*"', f'AUTOLEARN_{name.upper()}_URL="{url}"', text)
        file = self.folder / "cluster.conf"
        file.write_text(text)
        self.run(
            [sys.executable, "-m", "cli", "cluster", "up", "--folder", str(self.cluster.folder), "--file", str(file)],
            environment,
        )


def allowed(numbers: Sequence[int]) -> str:
    """The setting by which services answer to the addresses that these machines know of this one."""
    return json.dumps(["127.0.0.1", "localhost", *(f"10.77.{number}.1" for number in numbers)])


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
