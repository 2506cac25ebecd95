"""The machine that the figures were taken on, as far as it matters for reading them."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path

import psutil

_PACKAGES = ("scikit-learn", "numpy", "pandas", "fastapi", "uvicorn", "typer", "apsw")
_LOOP = 1_000_000


def described() -> str:
    """One paragraph: processors, memory, system, versions, and how busy the machine was."""
    names = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    return (
        f"{os.cpu_count()} cores ({next(names, platform.machine())}), "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()} {platform.release().partition('-')[0]}; "
        f"Python {platform.python_version()}, {versions}. Load average {os.getloadavg()[0]:.1f}; "
        f"a loop of a million additions took {_loop() * 1000:.0f} ms."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _loop() -> float:
    began, total = time.perf_counter(), 0
    for number in range(_LOOP):
        total += number
    return time.perf_counter() - began
