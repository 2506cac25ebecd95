"""A walk over every operation: whatever it is asked, it answers with a problem document and never with 5xx."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from docs import generate
from tests.platforms import Platform

UNKNOWN = "0" * 32
PREFIXES = {
    "datasets": "ds",
    "evaluations": "evl",
    "experiments": "exp",
    "searches": "srch",
    "sessions": "ses",
    "trainings": "trn",
}
DOCUMENT = json.loads((generate.FOLDER / "openapi.json").read_text())
OPERATIONS = sorted(
    (verb, path)
    for path, item in DOCUMENT["paths"].items()
    for verb in item
    if verb in ("get", "post", "patch", "delete", "put")
)
NAMING = [(verb, path) for verb, path in OPERATIONS if "{" in path]
WRITING = [(verb, path) for verb, path in OPERATIONS if "requestBody" in DOCUMENT["paths"][path][verb]]


def unknown(path: str) -> str:
    """The path with an id in it that nothing has."""
    noun = path.removeprefix("/v1/").partition("/")[0]
    # The log knows a record by the calls that name it, as those of this walk do: there it is one that nobody has asked.
    digits = "f" * 32 if noun == "log" else UNKNOWN
    return re.sub(r"\{\w+\}", f"{PREFIXES.get(noun, 'trn')}_{digits}", path)


def problem(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """The problem document of an answer with one of these statuses."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("application/problem+json")
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    assert {"type", "title", "detail", "code", "trace_id"} <= set(document)
    assert answer.headers["traceparent"].split("-")[1] == document["trace_id"]
    return document


@pytest.mark.parametrize(("verb", "path"), NAMING)
def test_an_unknown_name_is_not_found(platform: Platform, verb: str, path: str) -> None:
    headers = {"content-type": "application/json", "if-match": '"1"'}
    answer = platform.http.request(verb, unknown(path), headers=headers, content=valid(path))
    problem(answer, 404)


def valid(path: str) -> bytes | None:
    """A body that these routes would take."""
    if path.endswith(":keep"):
        return b'{"for": 60}'
    if path == "/v1/datasets/{ref}":
        return b'{"columns": [{"name": "a", "type": "text"}]}'
    return b"{}"


@pytest.mark.parametrize(("verb", "path"), WRITING)
@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b'{"a": 1e999}', b'{"surprise": 1}', b"\xff\xfe"])
def test_a_bad_body_is_refused(platform: Platform, verb: str, path: str, body: bytes) -> None:
    target = unknown(path)
    headers = {"content-type": "application/json", "if-match": '"1"'}
    problem(platform.http.request(verb, target, content=body, headers=headers), 400, 404, 415, 422)


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_an_unknown_parameter_is_refused(platform: Platform, verb: str, path: str) -> None:
    if path == "/openapi.json":
        return
    headers = {"content-type": "application/json", "if-match": '"1"'}
    answer = platform.http.request(verb, unknown(path), params={"surprise": "1"}, content=valid(path), headers=headers)
    assert problem(answer, 400, 404)["code"] in ("unknown_parameter", "not_found")


@pytest.mark.parametrize("path", ["/internal/keys/ses_1", "/INTERNAL/jobs:states", "//internal/keys/x", "/v2/jobs"])
def test_what_is_not_public_is_not_there(platform: Platform, path: str) -> None:
    problem(platform.http.get(f"{platform.url}{path}", headers={"authorization": "Bearer guess"}), 404)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example"])
def test_another_host_is_refused(platform: Platform, host: str) -> None:
    problem(platform.http.get("/v1/datasets", headers={"host": host}), 400)


def test_a_wrong_method_is_refused(platform: Platform) -> None:
    assert platform.http.put("/v1/sessions", json={}).status_code == 405
