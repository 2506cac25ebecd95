"""The event role: nothing rings for the catalogue; it sweeps."""

from __future__ import annotations

from collections.abc import Mapping

from catalog_service.sweeping import Sweeper
from common.service import Loop


def loops(sweeper: Sweeper) -> Mapping[str, Loop]:
    """The loops of this role."""
    return {"sweep": sweeper.run}
