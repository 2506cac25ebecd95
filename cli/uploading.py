"""How far an upload is: bytes and speed on a terminal, nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.render import Output

LARGE = 4 * 2**20
"""Bytes from which on it takes long enough to be looked at."""


@contextlib.contextmanager
def shown(out: Output, file: str) -> Iterator[Callable[[int], None] | None]:
    """What to tell how many bytes were sent; None where nobody would see it, or the file is small.

    When all were sent, the server still reads the table.
    """
    total = Path(file).stat().st_size if file != "-" and Path(file).is_file() else None
    if out.quiet or not sys.stderr.isatty() or (total is not None and total < LARGE):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("sending", total=total)

        def tell(sent: int) -> None:
            read = total is not None and sent >= total
            progress.update(task, completed=sent, description="the server reads it" if read else "sending")

        yield tell
