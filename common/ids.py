"""Identifiers: a typed prefix and a UUID in hex, version 7 where made and version 5 where derived (RFC 9562)."""

from __future__ import annotations

import re
import secrets
import threading
import time
import uuid

# Ours alone: derived ids must not collide with anybody else's version 5 ids.
_NAMESPACE = uuid.UUID("6f0c7f0e-6d8c-5d5a-9a6e-2f1c5b7d9a10")
_lock = threading.Lock()
_last = 0

FULL = re.compile(r"[a-z]+_[0-9a-f]{32}")
"""An id, to be matched as a whole."""
REFERENCE = re.compile(r"(?:[a-z]+_)?[0-9a-f]{6,32}")
"""An id or at least six of its last characters, with or without its prefix; to be matched as a whole."""
ENDING = 8
"""How many ending characters a list shows; a reference needs at least six."""


def _uuid7() -> uuid.UUID:
    """A version 7 UUID, strictly increasing in this process (RFC 9562 §6.2, method 1: a counter below the time)."""
    global _last
    with _lock:
        stamp = max((time.time_ns() // 1_000_000) << 12, _last + 1)
        _last = stamp
    milliseconds, counter = stamp >> 12, stamp & 0xFFF
    value = milliseconds << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def new_id(prefix: str) -> str:
    """Make an id such as `trn_0190…`; ids of one process sort by the moment they were made."""
    return f"{prefix}_{_uuid7().hex}"


def derived_id(prefix: str, *parts: str | int) -> str:
    """The id that follows from `parts`: the same on every retry, so that a repeat finds what the first try made."""
    return f"{prefix}_{uuid.uuid5(_NAMESPACE, '/'.join(str(part) for part in (prefix, *parts))).hex}"


def ending(identifier: str) -> str:
    """The characters by which people tell ids apart (beginnings of version 7 ids are all alike)."""
    return identifier[-ENDING:]
