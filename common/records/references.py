"""References: how a name, a full id or the ending of an id finds a record."""

from __future__ import annotations

from common import errors, ids
from common.filtering.conditions import And, Comparison
from common.ports.record_store import Record
from common.records.repository import Repository

REVERSED = "envelope.rid"
"""Where every record keeps its id backwards, so that an ending is the beginning of an indexed text."""


async def by_id(repository: Repository, reference: str) -> Record:
    """The record with this id or ending (six characters at least).

    Raises `errors.NotFound`, or `errors.AmbiguousReference` with the candidates.
    """
    record = await repository.find(reference)
    if record is not None:
        return record
    what = repository.lifecycle.record
    if not ids.REFERENCE.fullmatch(reference):
        raise errors.NotFound(f"there is no {what} {reference!r}")
    prefix, underscore, ending = reference.rpartition("_")
    start = ending[::-1]
    matching = await repository.page(
        where=And((Comparison(REVERSED, ">=", start), Comparison(REVERSED, "<", start + "~"))), limit=10
    )
    found = [record for record in matching if record.id.startswith(prefix + underscore)]
    if not found:
        raise errors.NotFound(f"there is no {what} {reference!r}")
    if len(found) > 1:
        candidates = [record.id for record in found]
        raise errors.AmbiguousReference(
            f"{reference!r} fits {len(found)} of them; write more of its ending", extra={"candidates": candidates}
        )
    return found[0]
