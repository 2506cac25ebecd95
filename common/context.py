"""What travels with a request through every service, message and task: trace, actor and cause (W3C Trace Context)."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True)
class Context:
    """Who acts, in which trace, and which event or call caused it."""

    trace_id: str
    span_id: str
    actor: str = "system"
    causation: str = ""
    deadline: float | None = None  # seconds of time.monotonic()

    @property
    def traceparent(self) -> str:
        """The `traceparent` header of this span."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def child(self) -> Context:
        """A new span of the same trace, for a call to somebody else."""
        return replace(self, span_id=secrets.token_hex(8))


def fresh(actor: str = "system") -> Context:
    """The beginning of a new trace."""
    return Context(trace_id=secrets.token_hex(16), span_id=secrets.token_hex(8), actor=actor)


def from_traceparent(value: str | None, *, actor: str = "system", causation: str = "") -> Context:
    """A new span in the trace that `value` names; a missing or malformed header begins a new trace."""
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None or match.group(1) == "0" * 32:
        return replace(fresh(actor), causation=causation)
    return Context(match.group(1), secrets.token_hex(8), actor, causation)


def resumed(trace_id: str, *, actor: str = "system", causation: str = "") -> Context:
    """A new span in a trace that began earlier, for work that goes on in the background."""
    return Context(trace_id, secrets.token_hex(8), actor, causation)


_current: ContextVar[Context | None] = ContextVar("autolearn_context", default=None)


def current() -> Context:
    """The context of the running task; outside of any request a fresh one for the system itself."""
    return _current.get() or fresh()


@contextlib.contextmanager
def use(context: Context) -> Iterator[Context]:
    """Make `context` the current one inside the `with` block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
