"""AutoLearn's Python client, for notebooks and scripts.

    import autolearn

    with autolearn.connect() as c:
        c.datasets.upload("penguins.csv")
        job = c.train("penguins", "random_forest", target="species")
        print(job.result["measures"]["test"]["accuracy"])

`autolearn.aio.connect()` gives the same names to be awaited. Everything public loads on first use: importing
the package alone costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autolearn import aio as aio
    from autolearn.client import Client as Client
    from autolearn.client import Job as Job
    from autolearn.client import Pages as Pages
    from autolearn.client import Search as Search
    from autolearn.client import connect as connect
    from autolearn.failures import JobFailed as JobFailed
    from autolearn.failures import Unreachable as Unreachable
    from autolearn.failures import WaitTimedOut as WaitTimedOut
    from common import errors as errors

_HOMES = {
    "Client": "autolearn.client",
    "Job": "autolearn.client",
    "Pages": "autolearn.client",
    "Search": "autolearn.client",
    "connect": "autolearn.client",
    "JobFailed": "autolearn.failures",
    "Unreachable": "autolearn.failures",
    "WaitTimedOut": "autolearn.failures",
}
_MODULES = {"aio": "autolearn.aio", "errors": "common.errors"}

__all__ = [
    "Client",
    "Job",
    "JobFailed",
    "Pages",
    "Search",
    "Unreachable",
    "WaitTimedOut",
    "aio",
    "connect",
    "errors",
]


def __getattr__(name: str) -> Any:
    """Load a public name where it lives (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'autolearn' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for completion."""
    return __all__
