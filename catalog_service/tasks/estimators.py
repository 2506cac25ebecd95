"""Task: the estimators that can be trained by their qualified names, with what their parameters may be."""

from __future__ import annotations

from typing import Any

from common.learning import (
    estimators,
    packages,
    preload,  # noqa: F401 - what estimators import is in memory then
)
from common.ports.task_runner import TaskFiles


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """`{estimators: [contracts.catalogue.Algorithm], unread}`: scikit-learn's, and those of the request's `packages`.

    `unread` says which modules of the packages could not be imported, and why.
    """
    packages.allow(request["packages"])
    unread: list[str] = []
    found = estimators.documents(unread)
    return {"estimators": found, "unread": list(dict.fromkeys(unread))}
