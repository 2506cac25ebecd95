"""Less usual ways to write a table as text: delimiters, announced ones, and headers of numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.learning.table_files import kinds, parsed


@pytest.mark.parametrize("delimiter", ["^", "~", ":"])
def test_odd_delimiters(tmp_path: Path, delimiter: str) -> None:
    result = parsed(tmp_path, "name,age\nAnna,3\nBob,4\n".replace(",", delimiter))
    assert result["metadata"]["options"]["delimiter"] == delimiter
    assert kinds(result) == {"name": "category", "age": "integer"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_runs_of_blanks(tmp_path: Path, end: str) -> None:
    lines = ["   x      y   name", " 1.5     2   'a b'", "12.25   30   c", "", " 3  4\t 'd  e' "]
    result = parsed(tmp_path, end.join(lines).replace("'", '"'))
    assert (result["metadata"]["options"]["delimiter"], result["metadata"]["rows"]) == (" ", 3)
    assert result["preview"]["rows"] == [[1.5, 2, "a b"], [12.25, 30, "c"], [3.0, 4, "d  e"]]
    assert "columns are divided by runs of blanks" in result["metadata"]["notes"]
    told = parsed(tmp_path, "a b\nx  y\n", options={"delimiter": "space"})
    assert told["preview"]["rows"] == [["x", "y"]]


@pytest.mark.parametrize(
    "content",
    ["t\n10:30\n11:45\n", "note\nnothing here\nall good\n", "weight\n12 kg\n13 kg\n"],
)
def test_a_single_column_stays_one(tmp_path: Path, content: str) -> None:
    assert len(parsed(tmp_path, content)["preview"]["columns"]) == 1


def test_a_first_line_that_names_the_delimiter_is_no_row(tmp_path: Path) -> None:
    result = parsed(tmp_path, "\ufeffsep=;\r\na,x;b\r\n1;2,5\r\n")
    assert result["preview"] == {"columns": ["a,x", "b"], "rows": [[1, 2.5]]}
    assert result["metadata"]["options"]["delimiter"] == ";"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("country,2019,2020,2021\nAT,5,6,7\n", ["country", "2019", "2020", "2021"]),
        ("2019,2020\n5,6\n", ["2019", "2020"]),
        (",0,1,2\n0,5,6,7\n1,5,6,8\n", ["column_1", "0", "1", "2"]),
        ("2019,2020,2021\n2018,2019,2020\n", ["column_1", "column_2", "column_3"]),
        ("1,2\n3,4\n", ["column_1", "column_2"]),
        ("2019,a\n2020,b\n", ["column_1", "column_2"]),
    ],
)
def test_headers_of_numbers(tmp_path: Path, content: str, names: list[str]) -> None:
    result = parsed(tmp_path, content)
    assert result["preview"]["columns"] == names
    read = "read as data" if "column_2" in names else "read as names of columns"
    assert any(read in note for note in result["metadata"]["notes"])
    told = parsed(tmp_path, content, options={"header": True})
    assert not any(read in note for note in told["metadata"]["notes"])
