"""NDJSON, Parquet, Arrow IPC and compressed texts: the same table from each, and a named error for what is broken."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common import errors
from tests.unit.learning.table_files import DATA, kinds, parsed

CSV = b"island,mass,egg\nBiscoe,3.5,true\nDream,,false\nBiscoe,4,true\n"
LINES = "\n".join(
    json.dumps(one)
    for one in (
        {"island": "Biscoe", "mass": 3.5, "egg": True},
        {"island": "Dream", "mass": None, "egg": False},
        {"egg": True, "island": "Biscoe", "mass": 4},
    )
).encode()
FRAME = pd.DataFrame({"island": ["Biscoe", "Dream", "Biscoe"], "mass": [3.5, None, 4], "egg": [True, False, True]})


def parquet(table: pa.Table, **told: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **told)
    return sink.getvalue()


def arrow(table: pa.Table, writer: Callable[..., pa.RecordBatchWriter] = pa.ipc.new_file) -> bytes:
    sink = io.BytesIO()
    with writer(sink, table.schema) as file:
        file.write_table(table)
    return sink.getvalue()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(content)
    return bytes(sink.getvalue())


FORMS = {
    "csv": (CSV, None),
    "ndjson": (LINES, None),
    "parquet": (parquet(pa.Table.from_pandas(FRAME)), None),
    "arrow": (arrow(pa.Table.from_pandas(FRAME)), None),
    "arrow stream": (arrow(pa.Table.from_pandas(FRAME), pa.ipc.new_stream), None),
    "csv.gz": (gzip.compress(CSV), "gzip"),
    "csv.zst": (zstd(CSV), "zstd"),
    "ndjson.gz": (gzip.compress(LINES), "gzip"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_table_with_the_same_digest(tmp_path: Path, form: str) -> None:
    content, compression = FORMS[form]
    result = parsed(tmp_path, content)
    options = result["metadata"]["options"]
    assert (options["format"], options["compression"]) == (form.split(".")[0].split()[0], compression)
    assert kinds(result) == {"island": "category", "mass": "number", "egg": "boolean"}
    (tmp_path / "csv").mkdir()
    plain = parsed(tmp_path / "csv", CSV)
    assert result["metadata"]["digest"] == plain["metadata"]["digest"]
    assert result["preview"] == plain["preview"]
    left = {path.name for path in tmp_path.iterdir()} - {"csv"}
    assert left == {"upload", "table"}


def test_real_tables_survive_a_round_of_formats(tmp_path: Path) -> None:
    first = parsed(tmp_path, DATA / "penguins.csv")["metadata"]["digest"]
    whole = pd.read_csv(DATA / "penguins.csv").convert_dtypes()  # whole numbers with gaps stay whole
    lines = whole.to_json(orient="records", lines=True).encode()
    for content in (lines, parquet(pa.Table.from_pandas(whole)), gzip.compress((DATA / "penguins.csv").read_bytes())):
        assert parsed(tmp_path, content)["metadata"]["digest"] == first


def test_nested_objects_lists_and_texts_of_digits(tmp_path: Path) -> None:
    lines = b'{"a": {"b": 1, "c": "007"}, "l": [1, 2]}\n\n{"a": {"b": 2, "c": "8"}, "new": "x"}\n'
    result = parsed(tmp_path, lines)
    assert result["preview"]["columns"] == ["a.b", "a.c", "l", "new"]
    assert result["preview"]["rows"][0] == [1, "007", "[1, 2]", None]
    assert kinds(result)["a.c"] == "category"
    assert any("lists" in note for note in result["metadata"]["notes"])


@pytest.mark.parametrize(
    ("lines", "code", "place"),
    [
        (b'{"a": 1}\n{"a": }\n', "syntax", "line 2, column 7"),
        (b'{"a": 1}\n[1]\n', "syntax", "line 2"),
        (b'[{"a": 1}]', "syntax", "NDJSON"),
        (b'{"a": 1}\n{"a": NaN}\n', "number", "line 2"),
        (b'{"a": 1}\n{"a": 1e999}\n', "number", "line 2, column 1 (a)"),
        (b'{"a": 123456789012345678901234567890}\n', "number", "line 1"),
        (b'{"a": 1, "a": 2}\n', "duplicate_key", "line 1"),
        (b'{"a.b": 1, "a": {"b": 2}}\n', "duplicate_key", "line 1"),
        (b'{"a": "\\u0000"}\n', "nul", "line 1, column 1 (a)"),
        (b'{"a": "\\ud800"}\n', "unicode", "line 1, column 1 (a)"),
        (b'{"": 1}\n', "key", "line 1"),
        (b'{"a": 1}\n' + b'{"a":' * 200 + b"1" + b"}" * 200, "depth", "line 2"),
        (b'{"a": 1}\n{"a": "\xff"}\n', "encoding", "line 2"),
        (b"{}\n{}\n", "empty", "line 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_what_is_wrong_in_ndjson_has_its_line(tmp_path: Path, lines: bytes, code: str, place: str) -> None:
    with pytest.raises(errors.BadData) as caught:
        parsed(tmp_path, lines)
    (flaw,) = caught.value.flaws
    assert flaw.code == code, flaw
    assert place in flaw.detail
    assert {path.name for path in tmp_path.iterdir()} <= {"upload", "table"}


WHOLE = parquet(pa.table({"a": [1, 2], "b": ["x", "y"]}))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (WHOLE[: len(WHOLE) // 2], "format"),
        (b"PAR1" + bytes(100), "format"),
        (arrow(pa.table({"a": [1]}))[:60], "format"),
        (gzip.compress(CSV)[:-12], "format"),
        (b"\x1f\x8b\x08" + bytes(40), "format"),
        (zstd(CSV)[:20], "format"),
        (parquet(pa.table({"a": [[1], [2]]})), "type"),
        (parquet(pa.table({"a": pa.array([b"x"], pa.binary())})), "type"),
        (parquet(pa.table({"a": [float("inf")]})), "number"),
        (parquet(pa.table({"a": pa.array([2**63], pa.uint64())})), "number"),
        (parquet(pa.table({"a": pa.array([], pa.int64())})), "empty"),
        (gzip.compress(bytes(1 << 29)), "limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_what_is_wrong_in_other_formats_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(errors.BadData) as caught:
        parsed(tmp_path, content)
    (flaw,) = caught.value.flaws
    assert flaw.code == code, flaw
    assert {path.name for path in tmp_path.iterdir()} <= {"upload", "table"}


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(200),
        b"%PDF-1.7",
        b"\x80\x04\x95" + bytes(9),
        gzip.compress(WHOLE),
        zstd(gzip.compress(CSV)),
    ],
    ids=["zip", "pdf", "pickle", "parquet in gzip", "gzip in zstd"],
)
def test_other_formats_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(errors.UnsupportedMediaType):
        parsed(tmp_path, content)


def test_types_of_a_parquet_file_hold_and_can_be_told(tmp_path: Path) -> None:
    table = pa.table(
        {
            "when": pa.array([0, 86_400_000], pa.timestamp("ms")),
            "day": pa.array([0, 1], pa.date32()),
            "digits": ["1", "2"],
            "size": pa.array(["s", "l"]).dictionary_encode(),
        }
    )
    found = kinds(parsed(tmp_path, parquet(table)))
    assert (found["when"], found["day"], found["digits"], found["size"]) == (
        "datetime",
        "datetime",
        "category",
        "category",
    )
    assert found["day_weekday"] == "integer" and "day_hour" not in found
    told = parsed(tmp_path, parquet(table), types={"digits": "integer", "size": "text"})
    assert (kinds(told)["digits"], kinds(told)["size"]) == ("integer", "text")


def test_date_times_give_columns_to_learn_from_once(tmp_path: Path) -> None:
    result = parsed(tmp_path, "when,n\n2026-11-28T23:30:00Z,1\n2026-11-29T00:15:00Z,2\n")
    assert result["preview"]["columns"] == [
        "when",
        "n",
        *(f"when_{part}" for part in ("year", "month", "day", "weekday", "hour")),
    ]
    assert [row[2:] for row in result["preview"]["rows"]] == [[2026, 11, 28, 6, 23], [2026, 11, 29, 7, 0]]
    again = parsed(tmp_path, (tmp_path / "table").read_bytes())
    assert again["preview"]["columns"] == result["preview"]["columns"]


def test_names_are_made_unique_and_said(tmp_path: Path) -> None:
    result = parsed(tmp_path, "a,,a,a_2,größe\n1,2,3,4,5\n6,7,8,9,10\n")
    assert result["preview"]["columns"] == ["a", "column_2", "a_3", "a_2", "größe"]
    assert len(result["metadata"]["notes"]) == 2


def test_words_among_numbers_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{number}.5,x\n" for number in range(40))
    result = parsed(tmp_path, f"mass,y\n{rows}unknown,x\nunknown,x\n")
    assert kinds(result)["mass"] != "number"
    assert any("unknown (2)" in note and "missing" in note for note in result["metadata"]["notes"])
    told = parsed(tmp_path, f"mass,y\n{rows}unknown,x\n", options={"missing": ["unknown"]})
    assert kinds(told)["mass"] == "number"
