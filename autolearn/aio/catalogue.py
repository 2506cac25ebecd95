"""What can be trained and measured: the algorithms and measures of the catalogue."""

from __future__ import annotations

from autolearn.aio.pages import Pages
from autolearn.references import segment
from autolearn.transport import Transport
from common.contracts.catalogue import Algorithm, Measure


class Algorithms:
    """`c.algorithms`: what can be trained, with its hyper-parameters as JSON Schema for each task."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, named: bool = False) -> Pages[Algorithm]:
        """Every algorithm; with `named` every estimator that can be trained by its qualified name instead."""
        return Pages(self._transport, "/v1/algorithms", Algorithm, params={"named": "true"} if named else None)

    async def show(self, name: str) -> Algorithm:
        """One algorithm, or an estimator by its qualified name."""
        return Algorithm.model_validate(await self._transport.get(f"/v1/algorithms/{segment(name)}"))


class Measures:
    """`c.measures`: what can be measured, and how each measure is defined."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Pages[Measure]:
        """Every measure."""
        return Pages(self._transport, "/v1/measures", Measure)

    async def show(self, name: str) -> Measure:
        """One measure."""
        return Measure.model_validate(await self._transport.get(f"/v1/measures/{segment(name)}"))
