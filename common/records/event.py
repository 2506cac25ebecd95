"""State events: CloudEvents 1.0 documents whose id, order and predecessor follow from the record they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from common import context, ids, times

Event = dict[str, Any]


def _encoder() -> Callable[[Any], str]:
    """An encoder built once; the public one is built anew for each value, half of the time of a digest."""
    fast = getattr(json.encoder, "c_make_encoder", None)
    if fast is None:
        return json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
    # No markers against cycles, separators, sorted keys, keys are texts, finite numbers.
    encode = fast(None, _refuse, json.encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda value: "".join(encode(value, 0))


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON")


_encode = _encoder()


def canonical(value: Any) -> bytes:
    """The one byte form of a JSON value that digests are taken of: sorted keys, no spaces, UTF-8, finite numbers."""
    return canonical_text(value).encode()


def canonical_text(value: Any) -> str:
    """The canonical form before it is encoded."""
    return _encode(value)


def encoded(value: Any) -> bytes:
    """The JSON text of a value made here, of finite numbers and valid Unicode; keys keep their order.

    Every call is written three times; this takes a tenth of the standard library's time.
    """
    return orjson.dumps(value)


def decoded(text: str | bytes) -> Any:
    """The value of a JSON text that we have stored: finite numbers, 64-bit integers, valid Unicode.

    Verification decodes every event there is; this takes a third of the standard library's time.
    """
    return orjson.loads(text)


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def digest_of_text(text: str) -> str:
    """SHA-256 of a text, in hex: the `digest` of its value if the text is canonical, and of no value if it is not."""
    return hashlib.sha256(text.encode()).hexdigest()


def state_event(
    name: str, *, source: str, subject: str, sequence: int, data: Mapping[str, Any], prevhash: str, after: str = ""
) -> Event:
    """The event `autolearn.NAME.v1` that takes `subject` to version `sequence`.

    `prevhash` is the digest of the record's event before (empty for the first): together they are a hash chain.
    `after` is the time of that event: the times of one record never go back, whatever the clock does.
    """
    cause = context.current()
    return {
        "specversion": "1.0",
        "id": ids.derived_id("evt", subject, sequence),
        "type": f"autolearn.{name}.v1",
        "source": source,
        "subject": subject,
        "sequence": sequence,
        "time": times.not_before(after),
        "actor": cause.actor,
        "traceparent": cause.traceparent,
        "correlationid": cause.trace_id,
        "causationid": cause.causation,
        "prevhash": prevhash,
        "data": dict(data),
    }


def name_of(event: Mapping[str, Any]) -> str:
    """`training.queued` of `autolearn.training.queued.v1`."""
    return str(event["type"]).removeprefix("autolearn.").rsplit(".v", 1)[0]
