"""Logs of the processes: one JSON line an entry, a constant message, ids in fields, never a payload."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from common import context


def _trace(_logger: Any, _name: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    entry.setdefault("trace_id", context.current().trace_id)
    return entry


def configure(level: str = "INFO") -> None:
    """Send structured entries of `level` and above to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _trace,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def ensure() -> None:
    """Configure unless somebody has: structlog's own default would show local variables, and so secrets, in traces."""
    if not structlog.is_configured():
        configure("WARNING")


def logger(name: str) -> Any:
    """The logger of one component; `action` is the component's name."""
    return structlog.get_logger(action=name)
