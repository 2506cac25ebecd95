"""JSON as text, the way stores keep it: no spaces, real Unicode, finite numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from common import errors
from common.records import event

_encode: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


def dumped(value: Any) -> str:
    """The text of a value; `errors.Invalid` for what JSON cannot say."""
    return _encoded(_encode, value)


def canonical_text(value: Any) -> str:
    """The canonical form, of which digests are taken; `errors.Invalid` for what JSON cannot say."""
    return _encoded(event.canonical_text, value)


def quick_text(value: Any) -> str:
    """The text of a value whose numbers are finite, in any form; `errors.Invalid` for what JSON cannot say."""
    return _encoded(lambda value: event.encoded(value).decode(), value)


def _encoded(encode: Callable[[Any], str], value: Any) -> str:
    try:
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.Invalid(f"a value cannot be stored as JSON: {error}") from error


def size(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def pushed(items: str, item: str) -> str:
    """The text of a list with one more item at its end."""
    return f"[{item}]" if items == "[]" else f"{items[:-1]},{item}]"
