"""What verification and rebuilding count: records, events, a digest over all, and flaws."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

FLAWS_LIMIT = 1_000
"""Flaws that are told one by one."""


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a record: `kind` is gap, chain, fold, state, version, head, not_stored or not_logged."""

    record: str
    kind: str
    detail: str

    def document(self) -> dict[str, str]:
        """The form that answers carry."""
        return {"record": self.record, "kind": self.kind, "detail": self.detail}


@dataclass
class Tally:
    """Records and events counted, the digest over all records in the order of ids, and what was found wrong."""

    records: int = 0
    events: int = 0
    flaws: list[Flaw] = field(default_factory=list)
    flawed: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> str:
        """SHA-256 over id, version and digest of the state of every record."""
        return f"sha256:{self._hash.hexdigest()}"

    def add(self, identifier: str, version: int, state: bytes) -> None:
        """Count a record; `state` is canonical."""
        self.records += 1
        self._hash.update(f"{identifier}\0{version}\0{hashlib.sha256(state).hexdigest()}\n".encode())

    def blame(self, flaws: Iterable[Flaw]) -> None:
        """Note flaws; beyond `FLAWS_LIMIT` they are only counted."""
        for flaw in flaws:
            self.flawed += 1
            if len(self.flaws) < FLAWS_LIMIT:
                self.flaws.append(flaw)

    def documents(self) -> list[dict[str, str]]:
        """The flaws as documents, with a last one for those that were only counted."""
        shown = [flaw.document() for flaw in self.flaws]
        if self.flawed > len(self.flaws):
            shown.append(Flaw("", "more", f"{self.flawed - len(self.flaws)} further flaws").document())
        return shown
