"""Questions on the terminal, on stderr so that stdout stays data."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import typer


def answer(question: str, default: str) -> str:
    """What is typed, or the default for nothing."""
    with _interruptible():
        return str(typer.prompt(question, default=default, err=True))


def agreed(question: str) -> bool:
    """Whether the answer is yes; no is what pressing Enter means."""
    with _interruptible():
        return bool(typer.confirm(question, err=True))


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the question: asyncio's handler would only tell the event loop, which does not turn meanwhile."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
