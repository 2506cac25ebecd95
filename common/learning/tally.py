"""How often each text of a column comes, for columns of any length: what is kept of a text is its hash.

Two texts of a million share a hash of 64 bits with a probability of 3 in 10⁸; then they count as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Chunks = Callable[[], Iterable[pa.StringArray]]
"""The chunks of a column, from the first one each time."""

_BLOCK = 1 << 20
_PIECE = 1 << 14
_Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Tally:
    """`distinct`, `missing` and the `longest` text of a column, in characters; takes eight bytes a row of memory."""

    def __init__(self, chunks: Chunks, rows: int) -> None:
        self._chunks = chunks
        self.missing = self.longest = count = 0
        hashes = np.empty(rows, np.int64)
        for chunk in _pieces(chunks):
            values, counts = _counted(chunk)
            self.missing += chunk.null_count
            self.longest = max(self.longest, pc.max(pc.utf8_length(values)).as_py() or 0)
            known = len(chunk) - chunk.null_count
            hashes[count : count + known] = np.repeat(_hashes(values), counts)
            count += known
        self._hashes = hashes[:count]
        self._hashes.sort()
        self.distinct = int(np.count_nonzero(self._hashes[1:] != self._hashes[:-1])) + bool(count)

    def top(self, most: int) -> list[tuple[str, int]]:
        """The most frequent texts with their counts, in the order of the texts where these are equal."""
        if not self.distinct:
            return []
        largest: _Numbers = np.zeros(0, np.int64)
        for totals in self._totals():
            largest = _largest(np.concatenate([largest, totals]), most)
        least = int(largest.min())
        found: dict[str, int] = {}
        for chunk in _pieces(self._chunks):
            values, _ = _counted(chunk)
            totals = self._totals_of(_hashes(values))
            wanted = totals >= least
            if wanted.any():
                rows = pa.table({"value": values.filter(pa.array(wanted)), "count": totals[wanted]})
                found |= _first(rows, most)
                found = _first(pa.table({"value": [*found], "count": [*found.values()]}), most)
        return list(found.items())

    def _totals(self) -> Iterator[_Numbers]:
        """How often each hash is there, block by block."""
        start = 0
        while start < len(self._hashes):
            # A block ends where its last hash does.
            last = self._hashes[min(start + _BLOCK, len(self._hashes)) - 1]
            end = int(np.searchsorted(self._hashes, last, "right"))
            block = self._hashes[start:end]
            yield np.diff(np.flatnonzero(block[1:] != block[:-1]), prepend=-1, append=len(block) - 1)
            start = end

    def _totals_of(self, hashes: _Numbers) -> _Numbers:
        order = np.argsort(hashes)  # neighbours are looked up one after the other, which is several times faster
        ascending = hashes[order]
        totals = np.empty(len(hashes), np.int64)
        totals[order] = np.searchsorted(self._hashes, ascending, "right") - np.searchsorted(self._hashes, ascending)
        return totals


def _pieces(chunks: Chunks) -> Iterator[pa.StringArray]:
    """So small that their texts as Python's cost little."""
    for chunk in chunks():
        for start in range(0, len(chunk), _PIECE):
            yield chunk.slice(start, _PIECE)


def _counted(chunk: pa.StringArray) -> tuple[pa.StringArray, _Numbers]:
    """The different texts of a chunk, and how often each comes in it."""
    counted = pc.value_counts(chunk.drop_null())
    return counted.field("values"), counted.field("counts").to_numpy()


def _hashes(values: pa.StringArray) -> _Numbers:
    """Python's own (SipHash): the same within a process, and nobody can make them collide on purpose."""
    return np.fromiter(map(hash, values.to_pylist()), np.int64, len(values))


def _largest(values: _Numbers, most: int) -> _Numbers:
    return values if len(values) <= most else np.partition(values, len(values) - most)[-most:]


def _first(rows: pa.Table, most: int) -> dict[str, int]:
    chosen = pc.select_k_unstable(rows, k=most, sort_keys=[("count", "descending"), ("value", "ascending")])
    return {one["value"]: one["count"] for one in rows.take(chosen).to_pylist()}
