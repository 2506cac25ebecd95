"""The installed packages whose estimators an administrator has allowed (`AUTOLEARN_ESTIMATOR_PACKAGES`).

A child process is told them by the platform, never by a client, before it looks a name up. Every other package but
scikit-learn is none, whatever a request says.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any

_allowed: tuple[str, ...] = ()


def allow(names: Iterable[str]) -> None:
    """From now on the estimators of these packages, too. Called once by a task, which has its process alone."""
    global _allowed
    _allowed = tuple(names)


def allowed() -> tuple[str, ...]:
    """The packages that were told."""
    return _allowed


def trusts(name: str) -> bool:
    """Whether a qualified name is of a package that was told."""
    return name.partition(".")[0] in _allowed


def estimators(package: str, unread: list[str]) -> dict[str, Any]:
    """The estimators of an installed package by the shortest public name that each is found under.

    Every public module of it is imported; `unread` is told of those that cannot be.
    """
    from sklearn.base import BaseEstimator

    found: dict[type, str] = {}
    for module in _modules(package, unread):
        for name, each in inspect.getmembers(module, inspect.isclass):
            own = each.__module__.partition(".")[0] == package and issubclass(each, BaseEstimator)
            if not own or name.startswith("_") or inspect.isabstract(each):
                continue
            qualified = f"{module.__name__}.{name}"
            if each not in found or len(qualified) < len(found[each]):
                found[each] = qualified
    return {name: each for each, name in sorted(found.items(), key=lambda pair: pair[1])}


def _modules(package: str, unread: list[str]) -> Iterator[Any]:
    try:
        root = importlib.import_module(package)
    except Exception as error:  # of a foreign package, and no reason to do without the others
        unread.append(f"{package} cannot be imported: {type(error).__name__}: {error}")
        return
    yield root
    for about in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{package}.", onerror=lambda _: None):
        parts = about.name.split(".")
        if any(part.startswith("_") or part in ("tests", "conftest") for part in parts):
            continue
        try:
            yield importlib.import_module(about.name)
        except Exception as error:
            unread.append(f"{about.name} cannot be imported: {type(error).__name__}: {error}")
