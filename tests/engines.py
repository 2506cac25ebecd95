"""Where the real engines are that a contract is held against: those of `deploy/engines` that run, or any others by URL.

`make test-engines` starts them and requires them. Elsewhere a test of an engine that is not there is skipped, and the
run says so in one line.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
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
