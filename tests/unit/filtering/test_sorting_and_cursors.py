from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import errors
from common.filtering import cursors
from common.filtering.fields import Field
from common.filtering.sorting import SortKey, parse_sort, place

FIELDS = {
    "created": Field("state.created", "time"),
    "measures.*": Field("state.measures.*"),
    "tags": Field("state.tags", "list"),
}


def test_sort_keys() -> None:
    assert parse_sort("", FIELDS) == ()
    assert parse_sort("-measures.f1, created", FIELDS) == (
        SortKey("state.measures.f1", True),
        SortKey("state.created"),
    )


@pytest.mark.parametrize(
    "text",
    ["creatd", "-", "created,", "created,-created", "tags", "measures.", ",".join("abcde"), "--created"],
)
def test_bad_sort_orders(text: str) -> None:
    with pytest.raises(errors.BadFilter) as caught:
        parse_sort(text, FIELDS)
    assert caught.value.flaws[0].pointer == "?sort"


def test_the_place_of_a_document() -> None:
    sort = (SortKey("state.a.b", True), SortKey("state.none"), SortKey("id"))
    assert place({"id": "x", "state": {"a": {"b": 0.5}}}, "x", sort) == (0.5, None, "x", "x")


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@given(st.lists(scalars, max_size=4), st.text(min_size=1))
def test_cursors_come_back(values: list[object], identifier: str) -> None:
    at = (*values, identifier)
    assert cursors.decode(cursors.encode(at, "scope"), "scope") == at  # type: ignore[arg-type]


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match="another"):
        cursors.decode(cursors.encode((1, "x"), "sort=a"), "sort=b")


@pytest.mark.parametrize("content", [[], ["mark"], {"a": 1}, ["mark", [1], "x"], ["mark", 1], 5, "text"])
def test_a_made_up_cursor_is_refused(content: object) -> None:
    with pytest.raises(errors.BadRequest, match="damaged"):
        cursors.decode(base64.urlsafe_b64encode(json.dumps(content).encode()).decode(), "scope")


@given(st.text())
def test_any_text_is_refused_or_read(text: str) -> None:
    with pytest.raises(errors.BadRequest):
        cursors.decode(text, "scope")
