"""The OpenAPI document: committed as it is served, and whole."""

from __future__ import annotations

import json
from typing import Any

from docs import generate

NAMED = {
    "/v1/algorithms",
    "/v1/datasets",
    "/v1/datasets/{ref}/content",
    "/v1/evaluations",
    "/v1/experiments",
    "/v1/experiments:compare",
    "/v1/experiments:export",
    "/v1/jobs",
    "/v1/log/events",
    "/v1/log/stream",
    "/v1/log:rebuild",
    "/v1/log:verify",
    "/v1/measures",
    "/v1/searches",
    "/v1/searches/{reference}/trials",
    "/v1/searches/{reference}:cancel",
    "/v1/sessions",
    "/v1/sessions/{ref}:commit",
    "/v1/sessions/{ref}:discard",
    "/v1/sessions/{ref}:keep",
    "/v1/trainings",
}
"""Some paths of interface.md, as the document calls them."""


def test_what_is_committed_is_what_is_served(document: dict[str, Any]) -> None:
    committed = json.loads((generate.FOLDER / "openapi.json").read_text())
    assert committed == document, "run `make docs` and commit docs/reference/openapi.json"


def test_the_settings_page_is_what_the_program_says() -> None:
    assert (generate.FOLDER / "settings.md").read_text() == generate.settings(), "run `make docs`"


def test_the_interface_is_in_it(document: dict[str, Any]) -> None:
    assert set(document["paths"]) >= NAMED


def test_nothing_internal_is_in_it(document: dict[str, Any]) -> None:
    assert [path for path in document["paths"] if "internal" in path] == []


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
