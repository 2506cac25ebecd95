"""The task role: the gateway computes nothing in children."""

from __future__ import annotations

from collections.abc import Mapping

from common.service import Loop


def loops() -> Mapping[str, Loop]:
    """The loops of this role: none."""
    return {}
