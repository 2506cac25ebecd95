"""Remarks: each once, bounded, warnings among them."""

from __future__ import annotations

import warnings

import pytest

from common.learning.notes import Notes, first_sentence


def test_a_remark_is_kept_once_and_in_order() -> None:
    notes = Notes()
    for text in ("b", "a", "b"):
        notes.add(text)
    assert list(notes) == ["b", "a"]


def test_there_is_a_bound() -> None:
    notes = Notes()
    for number in range(1000):
        notes.add(f"{number} " * 1000)
    assert len(list(notes)) == 50
    assert max(len(note) for note in notes) == 300


def test_warnings_of_a_block_become_remarks() -> None:
    notes = Notes()
    with notes.of_warnings("fit"):
        warnings.warn("did not converge (0.5 left). Use `more` iterations.", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        warnings.warn("soon", FutureWarning, stacklevel=1)
    assert list(notes) == ["fit: did not converge (0.5 left)"]


def test_warnings_before_a_failure_are_kept() -> None:
    def fail() -> None:
        warnings.warn("first", UserWarning, stacklevel=1)
        raise ZeroDivisionError

    notes = Notes()
    with pytest.raises(ZeroDivisionError), notes.of_warnings("fit"):
        fail()
    assert list(notes) == ["fit: first"]


@pytest.mark.parametrize(("message", "shown"), [("a 0.5 b. C.\nd", "a 0.5 b"), ("a:\nb", "a"), ("", ""), (" a ", "a")])
def test_the_first_sentence(message: str, shown: str) -> None:
    assert first_sentence(message) == shown
