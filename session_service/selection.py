"""Finding one of a session's records by a reference to its job."""

from __future__ import annotations

from collections.abc import Iterable

from common import errors
from common.ports.record_store import Record

_SHORTEST = 6


def selected(reference: str, records: Iterable[Record]) -> Record | None:
    """The record of the job with this id or ending (six characters at least), or None.

    Raises `errors.AmbiguousReference` with the candidates.
    """
    found = list(records)
    for record in found:
        if record.state["job"] == reference:
            return record
    ending = reference.rpartition("_")[2]
    fitting = [one for one in found if len(ending) >= _SHORTEST and one.state["job"].endswith(ending)]
    if len(fitting) > 1:
        candidates = [one.state["job"] for one in fitting]
        raise errors.AmbiguousReference(
            f"{reference!r} fits {len(fitting)} of them; write more of its ending", extra={"candidates": candidates}
        )
    return fitting[0] if fitting else None
