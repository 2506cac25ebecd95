"""Moments as RFC 3339 text in UTC with milliseconds, the one form that crosses a process border."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    """The present moment, such as `2026-11-28T19:30:00.123Z`."""
    return text(datetime.now(UTC))


def text(moment: datetime) -> str:
    """An aware datetime as text; texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(value: str) -> datetime:
    """The datetime of a text made by `text` (any RFC 3339 offset is understood)."""
    return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC)


def later(value: str, seconds: float) -> str:
    """The moment `seconds` after `value` (before it, if negative)."""
    return text(moment(value) + timedelta(seconds=seconds))


def not_before(value: str) -> str:
    """Now, or `value` if the clock went back: times of one record's events never decrease."""
    return max(now(), value)
