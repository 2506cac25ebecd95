"""Strict JSON: every row J1–J11 of the catalogue of malformed data, and what is refused beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import errors
from common.http.strict_json import DEPTH, loads

World = Any


def nested(depth: int) -> bytes:
    return b'{"name":"a","parameters":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


ROWS = [
    ("J1 truncated", b'{"name": "a"', 400, "bad_request"),
    ("J1 trailing garbage", b'{"name": "a"} x', 400, "bad_request"),
    ("J1 two values", b'{"name": "a"}{"name": "a"}', 400, "bad_request"),
    ("J2 depth 33", nested(DEPTH), 422, "depth"),
    ("J2 depth 900", nested(900), 422, "depth"),
    ("J2 depth 100 000", b"[" * 100_000, 422, "depth"),
    ("J2 closed depth 100 000", nested(100_000), 422, "depth"),
    ("J3 NaN", b'{"name": "a", "parameters": {"C": NaN}}', 422, "number"),
    ("J3 Infinity", b'{"name": "a", "parameters": {"C": Infinity}}', 422, "number"),
    ("J3 -Infinity", b'{"name": "a", "parameters": {"C": -Infinity}}', 422, "number"),
    ("J3 1e999", b'{"name": "a", "parameters": {"C": 1e999}}', 422, "number"),
    ("J4 5 000 digits", b'{"name": "a", "size": ' + b"9" * 5_000 + b"}", 422, "number"),
    ("J4 2^70", b'{"name": "a", "size": 1180591620717411303424}', 422, "number"),
    ("J4 2^63", b'{"name": "a", "size": 9223372036854775808}', 422, "number"),
    ("J5 lone surrogate", b'{"name": "\\ud800"}', 422, "unicode"),
    ("J5 in a key", b'{"name": "a", "parameters": {"\\udfff": 1}}', 422, "unicode"),
    ("J5 in a double key", b'{"\\ud800": 1, "\\ud800": 2}', 422, "unicode"),
    ("J6 invalid UTF-8", b'{"name": "\xff"}', 400, "bad_request"),
    ("J6 UTF-16", '{"name": "a"}'.encode("utf-16"), 400, "bad_request"),
    ("J6 UTF-16 without mark", '{"name": "a"}'.encode("utf-16-le"), 400, "bad_request"),
    ("J6 byte order mark", b'\xef\xbb\xbf{"name": "a"}', 400, "bad_request"),
    ("J7 duplicate key", b'{"name": "a", "name": "b"}', 422, "duplicate_key"),
    ("J7 deep", b'{"name": "a", "parameters": {"x": {"C": 1, "C": 1}}}', 422, "duplicate_key"),
    ("J8 $", b'{"name": "a", "parameters": {"$where": "1"}}', 422, "key"),
    ("J8 NUL", b'{"name": "a", "parameters": {"a\\u0000b": 1}}', 422, "key"),
    ("J10 array", b"[]", 422, "model_attributes_type"),
    ("J10 scalar", b"3", 422, "model_attributes_type"),
    ("J10 null", b"null", 422, "model_attributes_type"),
    ("J10 100 000 unknown keys", json.dumps({f"k{n}": 0 for n in range(100_000)}).encode(), 422, "missing"),
    ("J11 comment", b'{"name": "a" /* b */}', 400, "bad_request"),
    ("J11 single quotes", b"{'name': 'a'}", 400, "bad_request"),
    ("J11 trailing comma", b'{"name": "a",}', 400, "bad_request"),
    ("wrong type", b'{"name": 3}', 422, "string_type"),
    ("number as text", b'{"name": "a", "size": "3"}', 422, "int_type"),
    ("unknown field", b'{"name": "a", "nmae": "b"}', 422, "unknown_field"),
    ("nothing", b"", 422, "missing"),
]


@pytest.mark.parametrize(("body", "status", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_what_is_malformed_is_refused_with_its_code(world: World, body: bytes, status: int, code: str) -> None:
    answer = await world.http.post("/v1/things", content=body, headers={"content-type": "application/json"})
    document = answer.json()
    assert answer.status_code == status, document
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 400:
        assert document["code"] == code
    else:
        assert document["code"] == "invalid"
        assert code in [flaw["code"] for flaw in document["errors"]]


async def test_an_answer_lists_a_hundred_flaws_and_says_how_many_there_are(world: World) -> None:
    body = {f"key{n}": 0 for n in range(1_000)}
    document = (await world.http.post("/v1/things", json=body)).json()
    assert document["detail"] == "1001 things in the request are wrong; the first 100 are listed"
    assert [flaw["code"] for flaw in document["errors"]] == ["missing", *["unknown_field"] * 99]


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_j9_another_content_type_is_415(world: World, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = await world.http.post("/v1/things", content=b'{"name": "a"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
async def test_what_is_json_is_taken(world: World, kind: str) -> None:
    body = b'{"name": "\xc3\xbc", "size": -9223372036854775808, "parameters": {"bill.length": 1.5, "a~/b": null}}'
    answer = await world.http.post("/v1/things", content=body, headers={"content-type": kind})
    assert answer.status_code == 201, answer.text
    # A dot in a key is taken: columns are called so, and bodies are sealed before they are stored.
    assert answer.json() == {"name": "ü", "size": -(2**63), "parameters": {"bill.length": 1.5, "a~/b": None}}


async def test_j10_more_than_the_limit_is_413(world: World) -> None:
    body = b'{"key": 0' + b', "key": 0' * 1_000_000 + b"}"
    answer = await world.http.post("/v1/things", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"a": {"b": [0, "\\ud800"]}}', "/a/b/1"),
        (b'{"a/b": {"c~d": "\\ud800"}}', "/a~1b/c~0d"),
        (b'{"a": {"$b": 1}}', "/a/$b"),
        (b'{"a~": 1, "a~": 2}', "/a~0"),
        (b'{"a": [{"b": 1, "b": 2}]}', "/a/0/b"),
        (b'{"a": [0, NaN]}', "/a/1"),
        (b'{"a": {"b": -Infinity}}', "/a/b"),
        (b'{"a": 1e999}', "/a"),
        (b'{"a": [9223372036854775808]}', "/a/0"),
        (b"NaN", ""),
    ],
)
def test_the_flaw_says_where(body: bytes, pointer: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        loads(body)
    assert [flaw.pointer for flaw in refused.value.flaws] == [pointer]


KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=5).filter(
    lambda key: not key.startswith("$")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_every_value_that_can_be_stored_is_read(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_but_a_refusal(body: bytes) -> None:
    try:
        loads(body)
    except (errors.BadRequest, errors.Invalid) as refused:
        assert refused.detail
