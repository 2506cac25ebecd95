"""What is written as CSV is read as the same cells, however it is written and whichever reader takes it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import errors
from common.contracts.datasets import ColumnType
from common.learning import csv_lines, csv_table, text_table
from common.learning.cells import _plain_moments, convert
from tests.unit.learning.table_files import parsed

# No NUL, which is refused, and no surrogates, which are no text; blanks around a cell are not kept.
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(lambda text: text.strip())
_TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(_TEXT, min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=_TABLES, delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_texts_come_back(tmp_path: Path, rows: list[list[str]], delimiter: str, end: str) -> None:
    target = io.StringIO()
    writer = csv.writer(target, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow([f"name {number}" for number in range(len(rows[0]))])
    writer.writerows(rows)
    names = [f"name {number}" for number in range(len(rows[0]))]
    options = {"delimiter": delimiter, "quote": '"', "header": True, "encoding": "utf-8", "missing": []}
    result = parsed(tmp_path, target.getvalue(), options=options, types=dict.fromkeys(names, "text"))
    assert result["preview"]["rows"] == [[cell or None for cell in row] for row in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_any_values_come_back(tmp_path: Path, rows: list[tuple[float, int, bool]]) -> None:
    lines = ["f,i,b", *(f"{number!r},{integer},{boolean}" for number, integer, boolean in rows)]
    types = {"f": "number", "i": "integer", "b": "boolean"}
    result = parsed(tmp_path, "\n".join(lines), types=types)
    assert [tuple(row) for row in result["preview"]["rows"]] == rows


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_readers_agree_on_every_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """A quote makes a chunk one for the strict reader; with tiny chunks both take turns."""
    rows = [f"{n},{n / 8},word {n % 7}, blank ," for n in range(60)]
    plain = end.join(["a,b,c,d,e", *rows])
    quoted = end.join(["a,b,c,d,e", *(row.replace("word 3", '"word 3"') for row in rows)])
    whole = parsed(tmp_path, plain)["metadata"]
    for size in (16, 100, 700):
        monkeypatch.setattr(csv_lines, "_CHUNK", size)
        for text in (plain, quoted, plain + end):
            assert parsed(tmp_path, text)["metadata"] == whole


_CELLS = st.lists(
    st.one_of(
        st.integers(-9, 2**40).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.datetimes().map(str),
        st.dates().map(str),
        st.sampled_from(
            ["", "NA", " 7 ", "-0", "+3", "007", "1e3", "0x1F", "true", "No", "word", "2021-02-30", "1e400"]
        ),
    ),
    min_size=1,
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.tuples(_CELLS, st.integers(1, 4)), min_size=1, max_size=4), st.sampled_from([8, 60, 1 << 21]))
def test_values_are_kept_as_if_each_text_had_been(
    tmp_path: Path, parts: list[tuple[list[str], int]], size: int
) -> None:
    """A column may look like one type for many blocks and be of another; what is known of it is spooled as values."""
    cells = [cell for some, times in parts for cell in some * times]
    content = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))

    def found() -> object:
        try:
            result = parsed(tmp_path, content, options={"header": False})
        except errors.BadData as error:
            return error.flaws
        return result["metadata"], result["preview"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_lines, "_CHUNK", size)
        ours = found()
        patch.setattr(text_table, "Reading", partial(text_table.Reading, as_texts=True))
        patch.setattr(csv_table, "Reading", text_table.Reading)
        assert found() == ours


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(st.datetimes().map(str), st.datetimes().map(lambda one: str(one)[:16]), st.dates().map(str))))
def test_usual_moments_are_read_like_all(texts: list[str]) -> None:
    """The fast way gives what pandas gives for cells in any form, or nothing."""
    cells = pa.array(texts, pa.string())
    fast = _plain_moments(cells)
    if fast is not None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("common.learning.cells._plain_moments", lambda _: None)
            assert fast.equals(convert(cells, ColumnType.datetime))


def test_a_quoted_cell_may_cross_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "_CHUNK", 4)
    result = parsed(tmp_path, 'a,b\n1,"x\n\n\n\ny"\n2,z\n')
    assert result["preview"]["rows"] == [[1, "x\n\n\n\ny"], [2, "z"]]


@given(st.lists(st.one_of(st.text("0123456789+-.eExXinfaINF_ ,", max_size=6), st.just("1e400")), max_size=5))
def test_no_text_breaks_conversion(texts: list[str]) -> None:
    cells = pa.array(texts, pa.string())
    for kind in ColumnType:
        for decimal in (".", ","):
            values = convert(cells, kind, decimal)
            assert len(values) == len(texts)
            if kind is ColumnType.integer:
                assert all(
                    value is None or value == int(text) for value, text in zip(values.to_pylist(), texts, strict=True)
                )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text("ab1.5,;|\t\"' \r\n-e", max_size=60).map(str.encode),
        st.text("ab1.5,;|\t\"' \r\n-e", max_size=30).map(lambda text: text.encode("utf-16")),
    )
)
def test_any_file_is_read_or_refused_with_one_flaw(tmp_path: Path, content: bytes) -> None:
    flaws: Sequence[errors.Flaw] = ()
    try:
        result = parsed(tmp_path, content)
    except errors.UnsupportedMediaType:
        return  # the first bytes may be those of a PDF
    except errors.BadData as error:
        flaws = error.flaws
    else:
        json.dumps(result, allow_nan=False)
    assert len(flaws) == 1 or result["metadata"]["rows"] >= 1
