"""Dates and numbers that are not written our way: read where they can be meant in one way only, else named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog_service.tasks import convert
from common.errors import BadData
from tests.unit.learning.table_files import Folder, kinds, parsed


def first_column(result: dict[str, Any]) -> tuple[str, list[Any]]:
    column = result["metadata"]["columns"][0]
    return column["type"], [row[0] for row in result["preview"]["rows"]]


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["31/12/2020", "1/2/2021"], ["2020-12-31", "2021-02-01"]),
        (["12/31/2020", "2/1/2021"], ["2020-12-31", "2021-02-01"]),
        (["03.04.2020", "", "1.2.2021"], ["2020-04-03", None, "2021-02-01"]),
        (["2020/4/3", "2021/02/01"], ["2020-04-03", "2021-02-01"]),
        (["31-12-2020", "01-02-2021"], ["2020-12-31", "2021-02-01"]),
    ],
)
def test_dates_that_can_be_one_day_only(tmp_path: Path, cells: list[str], days: list[str | None]) -> None:
    result = parsed(tmp_path, "when,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert first_column(result) == ("datetime", [day and f"{day}T00:00:00.000Z" for day in days])
    assert any(note.startswith("column when is read as dates with the ") for note in result["metadata"]["notes"])


def test_dates_with_times(tmp_path: Path) -> None:
    result = parsed(tmp_path, "when,n\n31.12.2020 9:05,1\n1.2.2021 10:30:15,2\n")
    assert first_column(result)[1] == ["2020-12-31T09:05:00.000Z", "2021-02-01T10:30:15.000Z"]
    assert "when_hour" in kinds(result)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["03/04/2020", "1/2/2021"], "whether day or month comes first; write them as 2020-12-31"),
        (["31/12/20", "30/12/20"], "whose century is not written"),
        (["31/02/2020", "31/12/2020"], "31/02/2020 is none"),
    ],
)
def test_dates_that_stay_categories_are_named(tmp_path: Path, cells: list[str], said: str) -> None:
    result = parsed(tmp_path, "when,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert first_column(result) == ("category", cells)
    assert said in "\n".join(result["metadata"]["notes"])


@pytest.mark.parametrize(
    ("content", "kind", "values"),
    [
        ("p;q\n1.234,5;a\n-12,25;b\n", "number", [1234.5, -12.25]),
        ('p,q\n"1,234.5",a\n12,b\n', "number", [1234.5, 12.0]),
        ("p;q\n1.234.567;1,5\n12;2,5\n", "integer", [1234567, 12]),
        ("p;q\n1 234,5;a\n1;b\n", "number", [1234.5, 1.0]),
        ("p;q\n1\u202f234,5;a\n1\u00a0000,25;b\n", "number", [1234.5, 1000.25]),
        ("p;q\n1'234.5;a\n99;b\n", "number", [1234.5, 99.0]),
        ('p,q\n"1,234",1.5\n"12,345",2.5\n', "integer", [1234, 12345]),
    ],
)
def test_numbers_with_marks_between_thousands(tmp_path: Path, content: str, kind: str, values: list[float]) -> None:
    result = parsed(tmp_path, content)
    assert first_column(result) == (kind, values)
    assert any(" between thousands, like " in note for note in result["metadata"]["notes"])


@pytest.mark.parametrize(
    ("content", "kind", "values", "said"),
    [
        ("p;q\n5%;a\n7.5%;b\n", "number", [5.0, 7.5], "numbers in %, like 5%"),
        ("p;q\n5 %;a\n-7 %;b\n", "integer", [5, -7], "numbers in %, like 5 %"),
        ("p;q\n$1.00;a\n-$2.50;b\n$-3;c\n", "number", [1.0, -2.5, -3.0], "numbers in $, like $1.00"),
        ('p,q\n"$1,234.50",a\n$ 2,b\n', "number", [1234.5, 2.0], "numbers in $"),
        ("p;q\n$1,234;a\n$2,345;b\n", "integer", [1234, 2345], "numbers in $"),
        ("p;q\n1.234,50 €;a\n12,00 €;b\n", "number", [1234.5, 12.0], "numbers in €"),
        ("p;q\n12,50 €;a\n3,00 €;b\n", "number", [12.5, 3.0], "numbers in €"),
    ],
)
def test_numbers_with_one_unit(tmp_path: Path, content: str, kind: str, values: list[float], said: str) -> None:
    result = parsed(tmp_path, content)
    assert first_column(result) == (kind, values)
    assert any(f"column p is read as {said}" in note for note in result["metadata"]["notes"])


@pytest.mark.parametrize("cells", [["$5", "€5"], ["5%", "7"], ["%", "5%"], ["$5%", "$6%"], ["1,234%", "2,345%"]])
def test_units_that_are_not_one_stay_texts(tmp_path: Path, cells: list[str]) -> None:
    result = parsed(tmp_path, "p;n\n" + "".join(f"{cell};1\n" for cell in cells))
    assert first_column(result) == ("category", cells)


@pytest.mark.parametrize(
    "cells", [["192.168.1.1", "10.0.0.1"], ["1.2.3", "1.10.2"], ["0123/456", "0124/457"], ["1-2", "3"]]
)
def test_other_texts_of_digits_stay_texts(tmp_path: Path, cells: list[str]) -> None:
    result = parsed(tmp_path, "a,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert first_column(result) == ("category", cells)


def test_commas_before_three_digits_are_doubted(tmp_path: Path) -> None:
    notes = parsed(tmp_path, 'p,q\n"1,234",a\n"12,345",b\n')["metadata"]["notes"]
    assert any("if the comma of 1,234 divides thousands, tell the decimal mark ." in note for note in notes)


def test_a_type_that_is_told_reads_them_too(tmp_path: Path) -> None:
    content = "when;p\n31.12.2020;1.234,5\n"
    told = parsed(tmp_path, content, types={"when": "datetime", "p": "number"})
    assert told["preview"]["rows"][0][:2] == ["2020-12-31T00:00:00.000Z", 1234.5]
    texts = parsed(tmp_path, content, types={"when": "text", "p": "category"})
    assert texts["preview"]["rows"] == [["31.12.2020", "1.234,5"]]
    (tmp_path / "table").rename(tmp_path / "before")
    columns = [{"name": "when", "type": "datetime"}, {"name": "p", "type": "number"}]

    class Renamed(Folder):
        def input(self, name: str) -> Path:
            return self.path / "before"

    changed = convert.retype({"columns": columns}, Renamed(tmp_path))  # type: ignore[arg-type]
    assert changed["preview"]["rows"][0][:2] == ["2020-12-31T00:00:00.000Z", 1234.5]


def test_an_array_that_unpacks_beyond_what_arrow_holds_is_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pa.table({"a": pa.array(["x", "x"]).dictionary_encode()}), tmp_path / "bomb.parquet")

    def overflowing(array: pa.DictionaryArray) -> pa.Array:
        raise pa.ArrowInvalid("Take operation overflowed binary array capacity")

    # The real one takes 66,000 rows of 40,000 bytes, that is 2.6 GB; a file of 2 kB holds it.
    monkeypatch.setattr("common.learning.typed_table.decoded", overflowing)
    with pytest.raises(BadData) as refused:
        parsed(tmp_path, tmp_path / "bomb.parquet")
    assert [flaw.code for flaw in refused.value.flaws] == ["limit"]
