"""Where the real engines are that a contract is held against: those of `deploy/engines` that run, or any others by URL.

`make test-engines` starts them and requires them. Elsewhere a test of an engine that is not there is skipped, and the
run says so in one line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psutil
import pytest

from deploy.engines.__main__ import ENGINES
from deploy.engines.places import within
from tests.waiting import until


def url(name: str) -> str:
    """Where the engine is: `AUTOLEARN_TEST_RABBITMQ_URL` and the like, else the one that runs here; else a skip."""
    told = os.environ.get(f"AUTOLEARN_TEST_{name.upper()}_URL")
    if told:
        return told
    there = ENGINES[name]().running()
    if there is None:
        lack = pytest.fail if os.environ.get("AUTOLEARN_TEST_ENGINES") == "required" else pytest.skip
        lack(f"no {name}: start it with python -m deploy.engines up {name}, or name one by URL")
    return str(there["url"])


def ours(name: str) -> dict[str, Any]:
    """What is known of the engine that `url` gives, which may be harmed; else a skip."""
    there = ENGINES[name]().running()
    if there is None or there["url"] != url(name):
        pytest.skip(f"{name} was not started by deploy.engines: it cannot be harmed from here")
    return there


@contextlib.contextmanager
def killed(name: str) -> Iterator[None]:
    """Kill an engine of ours, and start it again at the end."""
    process = ours(name)["pid"]
    os.killpg(process, signal.SIGKILL)
    try:
        yield
    finally:
        until(lambda: ENGINES[name]().running() is None, 10, f"the end of {name}")
        _do("up", name)


@contextlib.contextmanager
def stopped(name: str) -> Iterator[None]:
    """Stop an engine of ours as people do, and start it again at the end."""
    ours(name)
    _do("down", name)
    try:
        yield
    finally:
        _do("up", name)


def _do(verb: str, name: str) -> None:
    """By a process of its own, which leaves the engine behind."""
    subprocess.run([sys.executable, "-m", "deploy.engines", verb, name], check=True)


@contextlib.contextmanager
def frozen(process: int) -> Iterator[None]:
    """Hold a process with its children: a signal stops each thread when its turn comes, which is waited for."""
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    try:
        for one in family:
            one.suspend()
        threads = [psutil.Process(thread.id) for one in family for thread in one.threads()]
        until(lambda: {one.status() for one in threads} == {psutil.STATUS_STOPPED}, 10, f"a frozen {process}")
        yield
    finally:
        for one in family:
            one.resume()


def own(name: str) -> str:
    """The same with a place in it that nobody else uses: a prefix of names, a database, or a folder of the bucket."""
    return within(name, url(name), f"test-{uuid4().hex}")
