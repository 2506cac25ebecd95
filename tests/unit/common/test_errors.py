"""The tree of errors: as its docstring draws it, with stable codes, and the same on both sides of the wire."""

from __future__ import annotations

import re

import pytest

from common import errors
from common.http import problems

# The Python client adds its own, which are known only where it has been imported.
CLASSES = [each for each in errors.all_classes() if each.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_stands_in_the_drawing_under_its_status(kind: type[errors.AutoLearnError]) -> None:
    assert errors.__doc__
    drawn = {}
    status = None
    for line in errors.__doc__.splitlines():
        if "──" not in line:
            continue
        for name, own in re.findall(r"\b([A-Z][a-z]\w+)(?: (\d{3}))?", line):
            status = int(own) if own else status
            drawn[name] = status
    if kind is errors.AutoLearnError:
        assert "    AutoLearnError\n" in errors.__doc__
    else:
        assert drawn[kind.__name__] == kind.status
        assert set(drawn) == {one.__name__ for one in CLASSES} - {"AutoLearnError"}


def test_codes_are_unique_and_each_class_says_its_own() -> None:
    assert len({kind.code for kind in CLASSES}) == len(CLASSES)
    assert all("code" in vars(kind) for kind in CLASSES)
    assert all(kind.__doc__ for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_crosses_the_wire_and_comes_back_as_itself(kind: type[errors.AutoLearnError]) -> None:
    flaws = [errors.Flaw("/a~1b", "missing", "is not there", ("near",)), errors.Flaw("?q", "x", "y")]
    sent = kind("what happened", flaws=flaws, extra={"candidates": ["a", "b"]})
    document = problems.document(sent, instance="/v1/here")
    received = errors.from_problem(document)
    assert type(received) is kind
    assert (received.detail, received.flaws, received.extra["candidates"]) == (sent.detail, sent.flaws, ["a", "b"])
    assert problems.document(received, instance="/v1/here") | {"trace_id": document["trace_id"]} == document


def test_the_docstring_is_the_message_unless_one_is_given() -> None:
    assert str(errors.NotReady()) == errors.NotReady().detail == errors.NotReady().title
    assert errors.NotReady("not yet").title == errors.NotReady().title != errors.NotReady("not yet").detail


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"status": 409, "code": "of a later version"}, errors.Conflict),
        ({"status": 404}, errors.NotFound),
        ({"status": 418, "title": "teapot"}, errors.AutoLearnError),
        ({}, errors.Internal),
        ({"status": None, "errors": None, "code": None}, errors.Internal),
        ({"status": 422, "errors": [{"pointer": "/x"}]}, errors.Invalid),
    ],
)
def test_what_is_unknown_falls_back_to_the_class_of_its_status(
    document: dict[str, object], kind: type[errors.AutoLearnError]
) -> None:
    assert type(errors.from_problem(document)) is kind
