from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import errors
from common.filtering.conditions import And, Comparison, Condition, In, Not, Or, holds
from common.filtering.fields import Field
from common.filtering.parser import LENGTH_LIMIT, PARTS_LIMIT, parse

FIELDS = {
    "state": Field("state.state"),
    "name": Field("state.name"),
    "measures.*": Field("state.measures.*", "number"),
    "created": Field("state.created", "time"),
    "tags": Field("state.tags", "list"),
    "done": Field("envelope.done", "boolean"),
    "session": Field("state.session", "id"),
}
DAY, NEXT = "2026-11-28T00:00:00.000Z", "2026-11-29T00:00:00.000Z"


def compare(path: str, sign: Any, value: Any) -> Comparison:
    return Comparison(path, sign, value)


A, B, C = (compare("state.state", "=", word) for word in "abc")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("state=a", A),
        ("  state\n= \t a ", A),
        ("state = 'a'", A),
        ("((state=a))", A),
        ("state=a and state=b or state=c", Or((And((A, B)), C))),
        ("state=a or state=b and state=c", Or((A, And((B, C))))),
        ("(state=a or state=b) AND state=c", And((Or((A, B)), C))),
        ("not state=a and state=b", And((Not(A), B))),
        ("not (state=a and state=b)", Not(And((A, B)))),
        ("not not state=a", Not(Not(A))),
        ("state != a", Not(A)),
        ("state = null", compare("state.state", "=", None)),
        ("state = 'null'", compare("state.state", "=", "null")),
        ("state != null", Not(compare("state.state", "=", None))),
        ("state in (a, 'b c',null)", In("state.state", ("a", "b c", None))),
        (
            "state = and and state=or",
            And((compare("state.state", "=", "and"), compare("state.state", "=", "or"))),
        ),
        ("name ~ 12", compare("state.name", "~", "12")),
        ("name = 12", compare("state.name", "=", "12")),
        (r"name = 'it\'s \\ \"'", compare("state.name", "=", "it's \\ \"")),
        ('name = "żółw ü"', compare("state.name", "=", "żółw ü")),
        ("name = sha256:ab/c-d@3", compare("state.name", "=", "sha256:ab/c-d@3")),
        ("measures.f1>=.9", compare("state.measures.f1", ">=", 0.9)),
        ("measures.f1_macro < -1e-3", compare("state.measures.f1_macro", "<", -0.001)),
        ("measures.f1 in (1, 2.5)", In("state.measures.f1", (1, 2.5))),
        ("done = true", compare("envelope.done", "=", True)),
        ("done != FALSE", Not(compare("envelope.done", "=", False))),
        ("tags = x", compare("state.tags", "has", "x")),
        ("tags = 12", compare("state.tags", "has", "12")),
        ("tags != x", Not(compare("state.tags", "has", "x"))),
        ("tags in (x, y)", Or((compare("state.tags", "has", "x"), compare("state.tags", "has", "y")))),
        ("created >= 2026-11-28", compare("state.created", ">=", DAY)),
        ("created < 2026-11-28T01:00:00+01:00", compare("state.created", "<", DAY)),
        (
            "created = 2026-11-28",
            And((compare("state.created", ">=", DAY), compare("state.created", "<", NEXT))),
        ),
    ],
)
def test_what_filters_mean(text: str, meaning: Condition) -> None:
    assert parse(text, FIELDS) == meaning


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 1, "the filter ends"),
        ("   ", 4, "the filter ends"),
        ("state", 6, "expected one of ="),
        ("state =", 8, "expected a value"),
        ("state = a b", 11, "expected 'and' or 'or' or the end"),
        ("state = a)", 10, "expected the end"),
        ("(state = a", 11, "expected ')'"),
        ("state in a", 10, "expected '('"),
        ("state in ()", 11, "expected a value"),
        ("state in (a", 12, "expected ')' or ','"),
        ("state = 'a", 9, "expected a value"),
        ("state == a", 8, "expected a value"),
        ("= a", 1, "expected a field"),
        ("and", 4, "expected one of ="),
        ("state = a or", 13, "expected a field"),
        ("state = a; drop", 12, "expected 'and'"),
        ("stat = a", 1, "did you mean 'state'"),
        ("measures. = 1", 9, "expected"),
        ("measures = 1", 1, "is not a field"),
        ("measures.f1 = high", 15, "is a number"),
        ("measures.f1 = '1'", 15, "is a number"),
        ("measures.f1 = 1e999", 15, "is a number"),
        ("measures.f1 = nan", 15, "is a number"),
        ("measures.f1 ~ 1", 1, "not ~"),
        ("measures.f1 < null", 15, "null"),
        ("done = 1", 8, "is a boolean"),
        ("done > true", 1, "not >"),
        ("created = yesterday", 11, "is a time"),
        ("created = 2026-13-01", 11, "is a time"),
        ("tags ~ x", 1, "not ~"),
        ("created in (2026-11-28)", 1, "not in"),
    ],
)
def test_what_is_wrong_and_where(text: str, place: int, said: str) -> None:
    with pytest.raises(errors.BadFilter) as caught:
        parse(text, FIELDS)
    assert f"at character {place}" in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.flaws[0].pointer == "?filter"


def test_near_misses_are_suggested() -> None:
    with pytest.raises(errors.BadFilter) as caught:
        parse("creatd > 2026-01-01", FIELDS)
    assert caught.value.flaws[0].suggestions == ("created",)


def test_without_fields_values_are_what_they_look_like() -> None:
    condition = parse("measures.f1 > 0.9 and n = 12 and ok = true and text = '12' and C = x")
    document = {"measures": {"f1": 0.95}, "n": 12, "ok": True, "text": "12", "C": "x"}
    assert holds(condition, document)
    for name, other in (("measures", {}), ("n", "12"), ("ok", 1), ("text", 12), ("C", "X")):
        assert not holds(condition, {**document, name: other})


def test_the_size_is_bounded() -> None:
    parse(" or ".join(["state=a"] * PARTS_LIMIT), FIELDS)
    for text in (
        " or ".join(["state=a"] * (PARTS_LIMIT + 1)),
        "not " * PARTS_LIMIT + "state=a",
        "x" * (LENGTH_LIMIT + 1),
    ):
        with pytest.raises(errors.BadFilter, match="at most"):
            parse(text, FIELDS)
    parse("(" * (PARTS_LIMIT - 1) + "state=a" + ")" * (PARTS_LIMIT - 1), FIELDS)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(("state", "=", "a", "and", "or", "not", "in", "(", ")", "~", "'x'", ",", "null"))).map(
        " ".join
    )
)
def test_any_text_is_a_condition_or_a_bad_filter(text: str) -> None:
    try:
        condition = parse(text, FIELDS)
    except errors.BadFilter as error:
        assert error.flaws
    else:
        assert holds(condition, {}) in (True, False)


def test_ids_are_meant_by_their_endings() -> None:
    whole = f"ses_{'0' * 24}a8a4c68d"
    assert parse(f"session = {whole}", FIELDS) == compare("state.session", "=", whole)
    for ending in ("a8a4c68d", "ses_a8a4c68d"):
        assert parse(f"session = {ending}", FIELDS) == compare("state.session", "~", "a8a4c68d")
    assert parse("session in (a8a4c68d, null)", FIELDS) == Or(
        (compare("state.session", "~", "a8a4c68d"), compare("state.session", "=", None))
    )
    with pytest.raises(errors.BadFilter, match="'crash' at character 11 is neither"):
        parse("session = crash", FIELDS)
