"""The task role: tables are read while their upload waits, in children of the REST role, so nothing is queued here."""

from __future__ import annotations

from collections.abc import Mapping

from common.service import Loop


def loops() -> Mapping[str, Loop]:
    """The loops of this role: none."""
    return {}
