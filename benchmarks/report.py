"""The table of the figures, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from benchmarks.figure import Figure

_COLUMNS = ("Figure", "AutoLearn", "Floor", "Measured", "Promised", "")
_INTRODUCTION = """# Figures

`make bench` measures them anew; `python -m benchmarks --write` writes this page. Every figure stands beside its
floor, the barest program that could do the same work, measured in the same run and in turn: on a machine whose speed
drifts only ratios mean something. Values are median (smallest–largest).
"""


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table, readable as text too."""
    rows = [_COLUMNS, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, _line(tuple("-" * width for width in widths), widths))
    return "\n".join(lines) + "\n"


def page(figures: Sequence[Figure], machine: str, *, quick: bool) -> str:
    """The whole page."""
    extent = "A quick run: few repetitions, small amounts." if quick else "A full run."
    return f"{_INTRODUCTION}\n{extent} {datetime.datetime.now(datetime.UTC):%Y-%m-%d}. {machine}\n\n{table(figures)}"


def _row(figure: Figure) -> tuple[str, ...]:
    met = "kept" if figure.met else "MISSED"
    return (figure.what, figure.ours, figure.floor, figure.value, figure.target, met)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
