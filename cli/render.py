"""Output: data to stdout (tables, or one JSON document), everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.ids import ending

Cell = Any

# Longer texts may be folded on a narrow terminal; ids, names and figures are not for reading in pieces.
_FOLDED = 32
_BETWEEN = 3


class Output:
    """Writes what a command found.

    On a terminal tables have colour and rules, elsewhere they are aligned text.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose

    def document(self, value: Any) -> None:
        """The one JSON document of `--json`."""
        indent = 2 if sys.stdout.isatty() else None
        sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=indent) + "\n")

    def ndjson(self, value: Any) -> None:
        """One line of a stream of JSON documents, flushed; ASCII, as some readers split lines at U+2028."""
        sys.stdout.write(json.dumps(plain(value)) + "\n")
        sys.stdout.flush()

    def line(self, text: str) -> None:
        """One line of data, flushed, for somebody may be following."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """A remark on stderr; not with `--quiet`."""
        if not self.quiet:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def fields(self, pairs: Mapping[str, Cell], title: str | None = None) -> None:
        """Names and values, one a line; those without a value are left out."""
        shown = [(name, value) for name, value in pairs.items() if value not in (None, [], {}, "")]
        self.table(["", ""], shown, title=title, heads=False)

    def table(
        self,
        heads_of: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        *,
        title: str | None = None,
        heads: bool = True,
        strong: Sequence[tuple[int, int]] = (),
    ) -> None:
        """A table.

        Numbers are right-aligned, `strong` names cells (row, column) to stand out on a terminal.
        """
        cells = [[(text(cell), _is_number(cell)) for cell in row] for row in rows]
        if sys.stdout.isatty():
            self._rich(heads_of, cells, title, heads, set(strong))
        else:
            self._aligned(heads_of, cells, title, heads)

    @staticmethod
    def _aligned(names: Sequence[str], cells: list[list[tuple[str, bool]]], title: str | None, heads: bool) -> None:
        lines = ([[(name, False) for name in names]] if heads else []) + cells
        widths = [max((len(line[i][0]) for line in lines), default=0) for i in range(len(names))]
        right = [bool(cells) and all(row[i][1] or row[i][0] == "-" for row in cells) for i in range(len(names))]
        if title:
            sys.stdout.write(f"{title}\n")
        for line in lines:
            parts = [
                value.rjust(width) if is_right else value.ljust(width)
                for (value, _), width, is_right in zip(line, widths, right, strict=True)
            ]
            sys.stdout.write("  ".join(parts).rstrip() + "\n")

    @staticmethod
    def _rich(
        names: Sequence[str],
        cells: list[list[tuple[str, bool]]],
        title: str | None,
        heads: bool,
        strong: set[tuple[int, int]],
    ) -> None:
        from rich import box
        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console()
        if title:
            console.print(Text(title, style="bold"))  # as a title of the table it would be folded to its width
        widths = [max(cell_len(name), *(cell_len(row[i][0]) for row in cells), 0) for i, name in enumerate(names)]
        for columns in blocks(widths, console.width) if heads else [list(range(len(names)))]:
            table = Table(box=box.SIMPLE_HEAD if heads else None, show_header=heads)
            for i in columns:
                numeric = bool(cells) and all(row[i][1] or row[i][0] == "-" for row in cells)
                table.add_column(
                    Text(names[i]),
                    justify="right" if numeric else "left",
                    style="bold" if i == 0 and not heads else None,
                    overflow="fold",
                    no_wrap=widths[i] <= _FOLDED,
                )
            for at, row in enumerate(cells):
                table.add_row(*(Text(row[i][0], style="bold green" if (at, i) in strong else "") for i in columns))
            console.print(table)


def blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Columns that are too wide for one table, as several: each begins with the first, which says whose row it is."""
    found, left = [[0]], 0
    for at, width in enumerate(widths):
        needed = min(width, _FOLDED) + _BETWEEN
        if at == 0:
            first = left = room - needed - 1
            continue
        if needed > left and len(found[-1]) > 1:
            found.append([0])
            left = first
        found[-1].append(at)
        left -= needed
    return found


def plain(value: Any) -> Any:
    """Models, and lists and mappings of them, as JSON values."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def text(value: Cell) -> str:
    """A value in a table. Characters that would command the terminal are shown, not obeyed."""
    match value:
        case None:
            shown = "-"
        case bool():
            shown = "yes" if value else "no"
        case float():
            shown = f"{value:.4g}" if abs(value) < 1e6 else f"{value:.6g}"
        case list() | tuple():
            shown = ", ".join(text(each) for each in value) or "-"
        case Mapping():
            shown = ", ".join(f"{name}={text(each)}" for name, each in value.items()) or "-"
        case _:
            shown = str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def short(identifier: str | None) -> str | None:
    """The characters by which people tell ids apart."""
    return ending(identifier) if identifier else None


def when(moment: str | None) -> str | None:
    """A time of the server without its milliseconds."""
    return moment[:19].replace("T", " ") + "Z" if moment else None


def size(count: int | None) -> str | None:
    """Bytes for people."""
    if count is None:
        return None
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def _is_number(value: Cell) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
