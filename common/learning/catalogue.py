"""The catalogue: algorithms and measures as the services show them. Imports no scientific library."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from common import errors
from common.contracts.catalogue import Algorithm, Measure
from common.learning import registry


def algorithms() -> tuple[Algorithm, ...]:
    """Every algorithm, in the order of the catalogue."""
    return tuple(entry.document() for entry in registry.algorithms().values())


def algorithm(name: str) -> Algorithm:
    """One algorithm; `errors.NotFound` names the nearest ones."""
    entry = registry.algorithms().get(name)
    if entry is None:
        raise _unknown("algorithm", name, registry.algorithms())
    return entry.document()


def measures() -> tuple[Measure, ...]:
    """Every measure, in the order of the catalogue."""
    return tuple(entry.document() for entry in registry.measures().values())


def measure(name: str) -> Measure:
    """One measure; `errors.NotFound` names the nearest ones."""
    entry = registry.measures().get(name)
    if entry is None:
        raise _unknown("measure", name, registry.measures())
    return entry.document()


def _unknown(kind: str, name: str, known: Iterable[str]) -> errors.NotFound:
    names = list(known)
    near = difflib.get_close_matches(name, names)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(names)}"
    return errors.NotFound(f"there is no {kind} {name!r}; {hint}", extra={"suggestions": near})
