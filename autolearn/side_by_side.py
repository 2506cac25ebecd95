"""Many things in one picture: the trials of a search across its hyper-parameters, and what was compared by measure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autolearn import charts
from autolearn.charts import Axis
from autolearn.plots import Picture
from common.contracts.searches import Trial
from common.contracts.sessions import Comparison
from common.ids import ending

MOST_AXES = 10
_BEST = 5
_DECADES = 100.0


@dataclass(frozen=True)
class Trials:
    """Things that were tried, the best first: their names, and by hyper-parameter and measure what each has."""

    names: Sequence[str]
    told: Mapping[str, Sequence[Any]]
    measure: str

    def axes(self) -> list[Axis]:
        """What differs between them, then the measure.

        An axis of numbers is logarithmic where all are positive and their ends 100 or more apart. Other values stand
        at even distances.
        """
        differing = [
            name for name, values in self.told.items() if name != self.measure and len(set(map(_text, values))) > 1
        ]
        return [axis(name, self.told[name]) for name in (*differing[: MOST_AXES - 1], self.measure)]

    def picture(self) -> Picture:
        """Parallel coordinates, the best five in colour."""
        best = range(min(_BEST, len(self.names)))
        about = f"{len(self.names)} trials, the best {len(best)} by {self.measure} in colour"
        return Picture(about, charts.parallel(self.axes(), self.names, best, about))


def trials(ranked: Sequence[Trial], measure: str) -> Trials:
    """The trials of a search, the best first."""
    told = [{"algorithm": one.algorithm, **one.parameters} for one in ranked]
    names = list(dict.fromkeys(name for each in told for name in each))
    return Trials(
        [f"{one.algorithm} {ending(one.id)}" for one in ranked],
        {**{name: [each.get(name) for each in told] for name in names}, measure: [one.value for one in ranked]},
        measure,
    )


def compared_trials(compared: Comparison, measure: str | None = None) -> Trials | None:
    """What was compared as trials; None unless two or more have a measure (the first one unless it is told)."""
    found = {name: (direction, values) for name, direction, values in measures(compared)}
    by = measure or next(iter(found), None)
    if by is None or by not in found:
        return None
    direction, figures = found[by]
    order = [at for at, (_, value) in enumerate(figures) if value is not None]
    if len(order) < 2:
        return None
    order.sort(key=lambda at: figures[at][1] or 0.0, reverse=direction != "lower")
    rows = {
        field.removeprefix("parameters."): row["values"]
        for row in compared.rows
        if (field := _field(row)) == "algorithm" or field.startswith("parameters.")
    }
    told = {name: [values[at] for at in order] for name, values in rows.items()}
    return Trials([figures[at][0] for at in order], {**told, by: [figures[at][1] for at in order]}, by)


def comparison(compared: Comparison) -> list[Picture]:
    """A picture for each measure: a bar for each thing that was compared."""
    return [
        Picture(f"{name} ({direction} is better)", charts.bars([(who, value, None) for who, value in values], name))
        for name, direction, values in measures(compared)
    ]


def measures(compared: Comparison) -> list[tuple[str, str, list[tuple[str, float | None]]]]:
    """Of each measure its name, its direction, and by thing its value."""
    rows = {_field(row): row for row in compared.rows}
    algorithms: Sequence[Any] = rows.get("algorithm", {}).get("values") or [""] * len(compared.ids)
    who = [f"{algorithm or ''} {ending(one)}".strip() for algorithm, one in zip(algorithms, compared.ids, strict=True)]
    return [
        (
            field.removeprefix("measures."),
            str(row.get("direction") or "higher"),
            list(zip(who, map(_number, row["values"]), strict=True)),
        )
        for field, row in rows.items()
        if field.startswith("measures.")
    ]


def axis(name: str, values: Sequence[Any]) -> Axis:
    """An axis through values; null has no place on it, unless there are other than numbers."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    if numbers and all(value is None or _number(value) is not None for value in values):
        low, high = min(numbers), max(numbers)
        way = math.log if low > 0 and high / low >= _DECADES else float
        wide = way(high) - way(low)
        places = [
            None if number is None else 0.5 if not wide else (way(number) - way(low)) / wide
            for number in map(_number, values)
        ]
        return Axis(name, f"{low:.4g}", f"{high:.4g}", places)
    if all(value is None for value in values):
        return Axis(name, "", "", [None] * len(values))
    texts = list(dict.fromkeys(map(_text, values)))
    step = 1 / max(1, len(texts) - 1)
    return Axis(name, texts[0], texts[-1], [texts.index(_text(value)) * step for value in values])


def _field(row: Mapping[str, Any]) -> str:
    return str(row.get("field") or row.get("name") or "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
