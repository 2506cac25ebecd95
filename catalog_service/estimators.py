"""Estimators by their qualified names, as a child process has described them: this process loads no scikit-learn."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence

from catalog_service.tables import Tables
from common import errors, logging
from common.contracts.catalogue import Algorithm

_log = logging.logger("estimators")


class Estimators:
    """Those of scikit-learn and of the packages that an administrator has listed, found once."""

    def __init__(self, tables: Tables, packages: Sequence[str]) -> None:
        self._tables, self._packages, self._finding = tables, packages, asyncio.Lock()
        self._found: Mapping[str, Algorithm] | None = None

    async def all(self) -> Mapping[str, Algorithm]:
        """By name; the first time a child process looks for them."""
        async with self._finding:
            if self._found is None:
                result = await self._tables.estimators(self._packages)
                for remark in result["unread"]:
                    _log.warning("module of an estimator package left out", reason=remark)
                self._found = {one["name"]: Algorithm.model_validate(one) for one in result["estimators"]}
            return self._found

    async def show(self, name: str) -> Algorithm:
        """One; `errors.NotFound` names the nearest ones."""
        known = await self.all()
        if name not in known:
            last = {one.rpartition(".")[2]: one for one in known}
            near = difflib.get_close_matches(name, known) or [
                last[one] for one in difflib.get_close_matches(name.rpartition(".")[2], last)
            ]
            hint = f"; did you mean {', '.join(near)}?" if near else "; `algorithms --named` lists them"
            raise errors.NotFound(f"there is no estimator {name!r}{hint}", extra={"suggestions": near})
        return known[name]
