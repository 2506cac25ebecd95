"""The event role: nothing yet. With an engine that cannot look up by record or trace, it will keep a log index."""

from __future__ import annotations

from collections.abc import Mapping

from common.service import Loop


def loops() -> Mapping[str, Loop]:
    """The loops of this role: none."""
    return {}
