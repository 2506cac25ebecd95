"""The asynchronous client: the one implementation, which the synchronous one runs on a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autolearn.aio.client import Client as Client
    from autolearn.aio.client import connect as connect
    from autolearn.aio.jobs import Job as Job
    from autolearn.aio.pages import Pages as Pages
    from autolearn.aio.searches import Search as Search

__all__ = ["Client", "Job", "Pages", "Search", "connect"]


def __getattr__(name: str) -> Any:
    """Load a public name where it lives (PEP 562)."""
    import importlib

    homes = {
        "Client": "autolearn.aio.client",
        "connect": "autolearn.aio.client",
        "Job": "autolearn.aio.jobs",
        "Pages": "autolearn.aio.pages",
        "Search": "autolearn.aio.searches",
    }
    if name not in homes:
        raise AttributeError(f"module 'autolearn.aio' has no attribute {name!r}")
    return getattr(importlib.import_module(homes[name]), name)
