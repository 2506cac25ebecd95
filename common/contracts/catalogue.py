"""Algorithms and measures as the catalogue service shows them."""

from __future__ import annotations

from common.contracts.base import Answer, Document


class Algorithm(Answer):
    """An entry of the catalogue: `parameters` maps each task to the JSON Schema (2020-12) of the hyper-parameters."""

    name: str
    title: str
    tasks: list[str]
    description: str
    parameters: dict[str, Document]


class Measure(Answer):
    """A figure of merit: `direction` says whether `higher` or `lower` is better, `range` its bounds (null: none)."""

    name: str
    tasks: list[str]
    direction: str
    range: list[float | None]
    definition: str
