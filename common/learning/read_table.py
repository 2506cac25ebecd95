"""What reading a file as a table gives, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.contracts.datasets import ReadOptions
from common.learning.table import Kinds

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ReadTable:
    """What was found in a file: the digest of the content, how it was read, and remarks for people."""

    digest: str
    rows: int
    kinds: Kinds
    options: ReadOptions
    notes: list[str]
