"""Parallel coordinates in the terminal: a line for each trial across its hyper-parameters to its measure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from cli.render import Output, text
from cli.sketches import braille, join

if TYPE_CHECKING:
    from autolearn.charts import Axis
    from autolearn.side_by_side import Trials

_HEIGHT, _APART, _MOST_AXES, _MOST_LINES = 12, 15, 6, 12
_LETTERS = 14


def draw(out: Output, trials: Trials) -> None:
    """The best twelve, on a terminal with colours the very best in green; nothing if nothing differs."""
    axes = trials.axes()
    axes = [*axes[: _MOST_AXES - 1], axes[-1]] if len(axes) > _MOST_AXES else axes
    count = min(len(trials.names), _MOST_LINES)
    if len(axes) < 2 or count < 2:
        return
    out.line("")
    which = f"the best {count} of {len(trials.names)} trials" if count < len(trials.names) else f"{count} trials"
    out.line(f"{which[0].upper()}{which[1:]} by {trials.measure}; best: {text(trials.names[0])}")
    out.line(_spread([axis.high for axis in axes]))
    alone, together = (_cells(axes, lines) for lines in (range(1), range(count)))
    for first, row in zip(alone, together, strict=True):
        _line(out, first, row)
    out.line(_spread([axis.low for axis in axes]))
    out.line(_spread([axis.name for axis in axes]))


def _cells(axes: Sequence[Axis], lines: Sequence[int]) -> list[list[int]]:
    cells = [[0] * (_APART * (len(axes) - 1) + 1) for _ in range(_HEIGHT)]
    across = [at / (len(axes) - 1) for at in range(len(axes))]
    for number in lines:
        places = [axis.places[number] for axis in axes]
        for (x1, y1), (x2, y2) in pairwise(zip(across, places, strict=True)):
            if y1 is not None and y2 is not None:
                join(cells, [(x1, y1), (x2, y2)])
    return cells


def _line(out: Output, best: Sequence[int], all_: Sequence[int]) -> None:
    margin = " " * (_LETTERS // 2)
    axes = [at % _APART == 0 for at in range(len(all_))]
    shown = "".join("│" if on_axis and not dots else braille([dots]) for on_axis, dots in zip(axes, all_, strict=True))
    if not sys.stdout.isatty():
        return out.line(f"{margin}{shown}")
    from rich.console import Console
    from rich.text import Text

    coloured = Text(margin)
    at = 0
    for green, group in groupby(best, key=bool):
        wide = len(list(group))
        coloured.append(shown[at : at + wide], style="bold green" if green else "dim")
        at += wide
    Console().print(coloured)


def _spread(texts: Sequence[str]) -> str:
    """Texts at the axes that they belong to; behind the last there is room."""
    *others, last = map(text, texts)
    return ("".join(one[:_LETTERS].center(_APART) for one in others) + last.center(_APART)).rstrip()
