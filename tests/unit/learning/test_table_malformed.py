"""Every malformed file is refused with its code and its place: C1 to C12 of the fault matrix."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import errors
from tests.unit.learning.table_files import kinds, parsed

MALFORMED = {
    "C1 nothing at all": (b"", "empty", ""),
    "C1 blank lines only": (b"\n\n  \n", "empty", ""),
    "C1 header only": (b"a,b\n", "empty", "line 1"),
    "C1 byte order mark only": (b"\xef\xbb\xbf", "empty", ""),
    "C2 long row": (b"a,b\n1,2\n\n1,2,3\n", "ragged", "line 4, column 3"),
    "C2 one more in every row": (b"a,b\n1,2,3\n4,5,6\n7,8,9\n", "ragged", "line 2, column 3"),
    "C3 short row": (b"a,b,c\n1,2,3\n1,2\n", "ragged", "line 3, column 3 (c)"),
    "C3 short row behind a cell of two lines": (b'a,b\n"x\ny",2\n3\n', "ragged", "line 4, column 2 (b)"),
    "C4 quote never closed": (b'a,b\n1,2\n3,"4\n5,6\n', "quote", "line 3, column 2"),
    "C4 text behind the quote": (b'a,b\n1,2\n"3"x,4\n', "quote", "line 3, column 1"),
    "C5 NUL": (b"a,b\n1,\x002\n", "nul", "line 2, column 2"),
    "C7 UTF-16 without its mark": ("a,b\n1,2\n".encode("utf-16-le"), "encoding", "UTF-16"),
    "C7 neither UTF-8 nor Windows-1252": (b"a,b\n1,2\n3,\x81\xff\n", "encoding", "line 3, column 2"),
    "C7 cut in the middle of UTF-16": (b"\xff\xfea\x00,\x00b", "encoding", "line 1"),
    "C8 many columns": (b",".join(b"%d" % n for n in range(100_000)) + b"\n", "limit", "line 1"),
    "C8 long line": (b"a,b\n" + b"1," * 9_000_000, "limit", "line 2"),
    "C8 long cell": (b"a,b\n1,2\n3," + b"x" * 1_000_001 + b"\n", "limit", "line 3, column 2"),
    "C8 long name": (b"a," + b"b" * 1_000_000 + b"\n1,2\n", "limit", "line 1, column 2"),
    "C9 infinite": (b"a,b\n1,2\n-inf,2\n", "number", "line 3, column 1 (a)"),
    "C9 too large": (b"a,b\n1.5,2\n1e400,2\n", "number", "line 3, column 1 (a)"),
    "C9 23 digits": (b"a,b\n1,2\n\n1,12345678901234567890123\n", "number", "line 4, column 2 (b)"),
    "C9 23 digits among fractions": (b"a\n1.5\n12345678901234567890123\n", "number", "line 3, column 1 (a)"),
    "C10 two delimiters": (b"a,b\n1,2\n3;4\n5,6\n", "dialect", "line 3, column 1"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_refused_with_code_and_place(tmp_path: Path, name: str) -> None:
    content, code, place = MALFORMED[name]
    with pytest.raises(errors.BadData) as caught:
        parsed(tmp_path, content)
    (flaw,) = caught.value.flaws
    assert flaw.code == code
    assert place in flaw.detail
    assert len(flaw.detail) < 400
    assert not any(tmp_path.glob("texts-*"))


def test_limits_are_told(tmp_path: Path) -> None:
    with pytest.raises(errors.BadData, match="more than the 3 rows"):
        parsed(tmp_path, "a,b\n" + "1,2\n" * 4, limits={"rows": 3})
    with pytest.raises(errors.BadData, match="3 columns, more than the 2"):
        parsed(tmp_path, "a,b,c\n1,2,3\n", limits={"columns": 2})
    assert parsed(tmp_path, "a,b\n" + "1,2\n" * 3, limits={"rows": 3, "columns": 2, "cell": 1})["metadata"]["rows"] == 3


def test_line_ends_of_any_kind_are_read_exactly(tmp_path: Path) -> None:
    results = [parsed(tmp_path, f"a,b{end}1,x{end}2,y{end}") for end in ("\n", "\r", "\r\n")]
    assert len({result["metadata"]["digest"] for result in results}) == 1
    assert results[0]["preview"]["rows"] == [[1, "x"], [2, "y"]]


def test_formulas_stay_texts(tmp_path: Path) -> None:
    """C11: nothing is computed or changed on the way in."""
    result = parsed(tmp_path, "a,b\n=1+1,1\n+x,2\n@y,3\n-z,4\n")
    assert [row[0] for row in result["preview"]["rows"]] == ["=1+1", "+x", "@y", "-z"]


def test_words_for_missing_are_missing_and_reported(tmp_path: Path) -> None:
    """C12"""
    words = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", ""]
    result = parsed(tmp_path, "a,b\n" + "".join(f" {word} ,{n}\n" for n, word in enumerate(words)) + "1,9\n")
    assert result["metadata"]["columns"][0] == {"name": "a", "type": "integer", "missing": 9, "distinct": 1}
    assert result["profile"]["columns"][0]["missing"] == 9
    assert any("NULL (1)" in note and "? (1)" in note for note in result["metadata"]["notes"])


def test_a_wide_number_is_kept_as_text_or_rounded_when_told(tmp_path: Path) -> None:
    content = "a\n1\n12345678901234567890123\n"
    assert parsed(tmp_path, content, types={"a": "text"})["preview"]["rows"][1] == ["12345678901234567890123"]
    assert parsed(tmp_path, content, types={"a": "number"})["preview"]["rows"][1] == [1.2345678901234568e22]
    with pytest.raises(errors.BadData) as caught:
        parsed(tmp_path, content, types={"a": "integer"})
    assert (caught.value.flaws[0].code, "line 3" in caught.value.flaws[0].detail) == ("number", True)


def test_a_told_type_that_does_not_fit_names_the_cell(tmp_path: Path) -> None:
    with pytest.raises(errors.BadData) as caught:
        parsed(tmp_path, "a,b\n1,2\n\n1,maybe\n", types={"b": "boolean"})
    assert caught.value.flaws[0].code == "type"
    assert "line 2, column 2 (b): '2' is not boolean" in caught.value.flaws[0].detail


def test_a_told_type_of_no_column_has_suggestions(tmp_path: Path) -> None:
    with pytest.raises(errors.Invalid) as caught:
        parsed(tmp_path, "species,b\nx,2\n", types={"specie": "text"})
    assert caught.value.flaws[0].suggestions == ("species",)


@pytest.mark.parametrize(
    ("option", "value"),
    [("delimiter", ",,"), ("quote", "ab"), ("decimal", "x"), ("encoding", "base64"), ("encoding", "no such")],
)
def test_an_option_that_cannot_be_is_refused(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        parsed(tmp_path, "a,b\n1,2\n", options={option: value})
    assert caught.value.flaws[0].pointer == f"/options/{option}"


def test_text_in_a_column_of_numbers_makes_it_text_not_an_error(tmp_path: Path) -> None:
    assert kinds(parsed(tmp_path, "a,b\n1,1\ninf,2\nhello,3\n")) == {"a": "category", "b": "integer"}
