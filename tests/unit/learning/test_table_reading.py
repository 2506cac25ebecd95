"""Delimiter, encoding, quote, header and decimal mark are found; column types, too; each can be told."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.learning.frames import read_frame
from tests.unit.learning.table_files import DATA, Folder, kinds, parsed


def test_penguins(tmp_path: Path) -> None:
    result = parsed(tmp_path, DATA / "penguins.csv")
    assert result["metadata"]["rows"] == 344
    assert result["metadata"]["options"]["header"] is True
    assert kinds(result) == {
        "species": "category",
        "island": "category",
        "bill_length_mm": "number",
        "bill_depth_mm": "number",
        "flipper_length_mm": "integer",
        "body_mass_g": "integer",
        "sex": "category",
    }
    sex = result["metadata"]["columns"][-1]
    assert (sex["missing"], sex["distinct"]) == (11, 2)
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize(
    ("name", "rows", "columns"), [("german-credit", 1000, 21), ("winequality-red", 1599, 12), ("mammography", 11183, 7)]
)
def test_files_without_header(tmp_path: Path, name: str, rows: int, columns: int) -> None:
    result = parsed(tmp_path, DATA / f"{name}.csv")
    assert result["metadata"]["rows"] == rows
    assert result["metadata"]["options"]["header"] is False
    assert list(kinds(result)) == [f"column_{number}" for number in range(1, columns + 1)]
    ours, theirs = pd.read_parquet(tmp_path / "table"), pd.read_csv(DATA / f"{name}.csv", header=None, quotechar="'")
    theirs.columns = ours.columns
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_exact=True)


def test_the_quoted_class_of_mammography_is_an_integer(tmp_path: Path) -> None:
    result = parsed(tmp_path, DATA / "mammography.csv")
    assert (result["metadata"]["options"]["quote"], kinds(result)["column_7"]) == ("'", "integer")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    text = "name,age\nAnna Smith,3\nBob,4\n".replace(",", delimiter)
    result = parsed(tmp_path, text)
    assert result["metadata"]["options"]["delimiter"] == delimiter
    assert result["preview"] == {"columns": ["name", "age"], "rows": [["Anna Smith", 3], ["Bob", 4]]}


def test_decimal_comma(tmp_path: Path) -> None:
    result = parsed(tmp_path, "a;b\n1,5;2\n-0,25;3\n1e2;4\n")
    assert result["metadata"]["options"]["decimal"] == ","
    assert [row[0] for row in result["preview"]["rows"]] == [1.5, -0.25, 100.0]
    assert result["metadata"]["notes"]


def test_commas_inside_texts_are_no_delimiter(tmp_path: Path) -> None:
    result = parsed(tmp_path, "id;note\n1;a, b, c\n2;d, e, f\n3;g, h, i\n")
    assert result["preview"]["rows"][0] == [1, "a, b, c"]
    assert result["metadata"]["options"]["decimal"] == "."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    result = parsed(tmp_path, "größe,n\nübel,1\nschön,2\n".encode(encoding))
    assert result["metadata"]["options"]["encoding"] == encoding
    assert result["preview"] == {"columns": ["größe", "n"], "rows": [["übel", 1], ["schön", 2]]}
    assert any("cp1252" in note and "line 1" in note for note in result["metadata"]["notes"]) == (encoding == "cp1252")


@pytest.mark.parametrize(("told", "used"), [("utf-8", "utf-8-sig"), ("UTF-16-LE", "utf-16"), ("utf-16", "utf-16")])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path, told: str, used: str) -> None:
    result = parsed(tmp_path, "a,b\n1,2\n".encode(used), options={"encoding": told})
    assert result["metadata"]["options"]["encoding"] == used
    assert list(kinds(result)) == ["a", "b"]


def test_what_is_told_stands(tmp_path: Path) -> None:
    options = {"delimiter": "|", "header": False, "quote": "", "missing": ["-"], "encoding": "latin-1", "decimal": ","}
    result = parsed(tmp_path, b'a"|1,5\n-|2,5\n\xe9|NA\n', options=options)
    assert result["metadata"]["options"] == {"format": "csv", "compression": None, **options}
    assert result["preview"]["rows"] == [['a"', "1,5"], [None, "2,5"], ["é", "NA"]]


def test_quotes_newlines_and_blanks(tmp_path: Path) -> None:
    result = parsed(tmp_path, 'text , n\n" two\nlines ",1\n"say ""hi""", 2\n')
    assert result["preview"]["rows"] == [["two\nlines", 1], ['say "hi"', 2]]


def test_empty_lines_are_skipped_but_rows_of_missing_cells_are_not(tmp_path: Path) -> None:
    result = parsed(tmp_path, "\na,b\n\n1,2\n   \n,\n\n3,4\n\n")
    assert result["preview"]["rows"] == [[1, 2], [None, None], [3, 4]]


def test_a_single_column(tmp_path: Path) -> None:
    result = parsed(tmp_path, 'word\none\n\n""\ntwo\n')
    assert result["preview"]["rows"] == [["one"], [None], ["two"]]


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    result = parsed(tmp_path, ",x\n0,1\n1,2\n")
    assert list(kinds(result)) == ["column_1", "x"]
    assert "column 1 has no name" in result["metadata"]["notes"][0]


def test_column_types(tmp_path: Path) -> None:
    header = "bool,word,int,float,plus,day,moment,code,nothing,mixed,inside"
    rows = [
        "true,YES,-5,1.,+1,2021-01-31,2021-01-31T10:00:00+02:00,007,,1,0x1F",
        "FALSE,no,9223372036854775807,.5,2,1600-02-29,2021-01-31 10:00:00.123456Z,010,,x,12",
        ",,,1e-5,3,,2021-01-31 10:00,123,,2021-01-01,3",
    ]
    result = parsed(tmp_path, "\n".join([header, *rows]), options={"header": True})
    assert kinds(result) == {
        "bool": "boolean",
        "word": "boolean",
        "int": "integer",
        "float": "number",
        "plus": "integer",
        "day": "datetime",
        "moment": "datetime",
        "code": "category",
        "nothing": "number",
        "mixed": "category",
        "inside": "category",
        **{f"day_{part}": "integer" for part in ("year", "month", "day", "weekday")},
        **{f"moment_{part}": "integer" for part in ("year", "month", "day", "weekday", "hour")},
    }
    assert result["preview"]["rows"][1][2] == 9223372036854775807
    assert [row[5] for row in result["preview"]["rows"]] == [
        "2021-01-31T00:00:00.000Z",
        "1600-02-29T00:00:00.000Z",
        None,
    ]
    assert [row[6][11:] for row in result["preview"]["rows"]] == ["08:00:00.000Z", "10:00:00.123Z", "10:00:00.000Z"]
    assert any("leading zeros" in note for note in result["metadata"]["notes"])


def test_an_impossible_date_makes_no_datetime(tmp_path: Path) -> None:
    assert kinds(parsed(tmp_path, "a,b\n2021-02-28,1\n2021-02-30,2\n"))["a"] == "category"


def test_text_is_long_or_mostly_distinct(tmp_path: Path) -> None:
    rows = "".join(f"name {n},{n % 3}x,{'long ' * 50 if n == 7 else 'b'}\n" for n in range(60))
    assert kinds(parsed(tmp_path, "a,b,c\n" + rows)) == {"a": "text", "b": "category", "c": "text"}
    few = "".join(f"name {n},1\n" for n in range(50))
    assert kinds(parsed(tmp_path, "a,b\n" + few))["a"] == "category"


def test_types_change_between_blocks(tmp_path: Path) -> None:
    """What the first hundred thousand rows say is not the last word."""
    rows = [f"{n},{n}.5,true" for n in range(150_000)] + ["0.5,x,no"]
    result = parsed(tmp_path, "a,b,c\n" + "\n".join(rows))
    assert kinds(result) == {"a": "number", "b": "text", "c": "boolean"}
    assert result["metadata"]["rows"] == 150_001
    frame = read_frame(tmp_path / "table", ["c", "a"])
    assert list(frame.columns) == ["c", "a"]
    assert frame["a"].iloc[[0, -1]].tolist() == [0.0, 0.5]


def test_the_stored_file(tmp_path: Path) -> None:
    parsed(tmp_path, "n,i,c,b,d\n1.5,1,x,true,2021-01-01\n,,,,\n")
    schema = pq.read_schema(tmp_path / "table")
    assert schema.types == [
        pa.float64(),
        pa.int64(),
        pa.string(),
        pa.bool_(),
        pa.timestamp("ms", "UTC"),
        *[pa.int64()] * 4,
    ]
    assert pq.read_metadata(tmp_path / "table").row_group(0).column(0).compression == "ZSTD"
    assert [column.null_count for column in pq.read_table(tmp_path / "table").columns] == [1] * 9


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    def digest(content: str, **more: object) -> str:
        found: str = parsed(tmp_path, content, **more)["metadata"]["digest"]
        return found

    first = digest("a,b\n1,x\n2,\n")
    assert len(first) == 64
    assert first == digest('a;b\r\n\r\n"1";" x"\r\n2;NA\r\n')
    others = [
        digest("a,c\n1,x\n2,\n"),
        digest("a,b\n1,x\n2,y\n"),
        digest("a,b\n1.5,x\n2,\n"),
        digest("a,b\n1,x\n2,\n", types={"a": "number"}),
        digest("a,b\n1,x\n2,\n", types={"b": "text"}),
        digest("b,a\nx,1\n,2\n"),
        digest("a,b\n1,\n2,x\n"),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_progress_is_told(tmp_path: Path) -> None:
    from catalog_service.tasks import parse

    (tmp_path / "upload").write_bytes((DATA / "penguins.csv").read_bytes())
    files = Folder(tmp_path)
    parse.run({}, files)  # type: ignore[arg-type]
    assert list(dict.fromkeys(step for step, _ in files.steps)) == ["reading", "storing", "describing"]
    assert all(fraction is not None and 0 <= fraction <= 1 for _, fraction in files.steps)
