"""Where the real engines are that a contract is held against: those of `deploy/engines` that run, or any others by URL.

`make test-engines` starts them and requires them. Elsewhere a test of an engine that is not there is skipped, and the
run says so in one line.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from deploy.engines.__main__ import ENGINES


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


def own(name: str) -> str:
    """The same with a place in it that nobody else uses: a prefix of names, a database, or a folder of the bucket."""
    place, where = f"test-{uuid4().hex}", url(name)
    if name == "rabbitmq":
        return f"{where}?prefix={place}"
    if name == "kafka":
        return f"{where}{'&' if '?' in where else '?'}prefix={place}"
    if name == "mongo":
        parts = urlsplit(where)
        told = dict(parse_qsl(parts.query))
        if parts.username:  # the database of a URL is also where its user is looked for
            told.setdefault("authSource", parts.path.strip("/") or "admin")
        return urlunsplit(parts._replace(path=f"/{place}", query=urlencode(told)))
    return f"{where}/{place}"
