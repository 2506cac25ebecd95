"""A table as CSV, Parquet and Arrow, and with other column types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from catalog_service.tasks import convert
from common import errors
from common.learning.frames import read_frame
from tests.unit.learning.table_files import DATA, Folder, parsed

_MIXED = 'n,i,c,b,d,dotted.name\n1.5,1,x,true,2021-01-01,a\n0.1,-2,"y, z",no,,b\n,,,,2021-01-01T10:00:00.5Z,\n'


def exported(folder: Path, form: str) -> bytes:
    """The content of the table in the folder, in a format."""
    result = convert.export({"format": form}, Folder(folder))  # type: ignore[arg-type]
    content = (folder / "content").read_bytes()
    assert result == {"size": len(content)}
    return content


def retyped(folder: Path, **types: str) -> dict[str, Any]:
    """The result of giving columns of the table other types; the new table takes the place of the old."""
    source = folder / "old"
    (folder / "table").rename(source)

    class Files(Folder):
        def input(self, name: str) -> Path:
            return source

    columns = [{"name": name, "type": kind} for name, kind in types.items()]
    return convert.retype({"columns": columns}, Files(folder))  # type: ignore[arg-type]


def test_csv_is_read_back_as_the_same_table(tmp_path: Path) -> None:
    before = parsed(tmp_path, _MIXED)["metadata"]
    again = parsed(tmp_path, exported(tmp_path, "csv"))["metadata"]
    assert again["digest"] == before["digest"]


@pytest.mark.parametrize("name", ["penguins", "german-credit", "winequality-red", "mammography"])
def test_files_survive_export(tmp_path: Path, name: str) -> None:
    before = parsed(tmp_path, DATA / f"{name}.csv")["metadata"]
    assert parsed(tmp_path, exported(tmp_path, "csv"))["metadata"]["digest"] == before["digest"]


def test_a_single_column_with_gaps_survives_export(tmp_path: Path) -> None:
    before = parsed(tmp_path, 'a\n1\n""\n3\n')["metadata"]
    assert exported(tmp_path, "csv") == b'a\n1\n""\n3\n'
    assert parsed(tmp_path, (tmp_path / "content").read_bytes())["metadata"]["digest"] == before["digest"]


def test_formulas_are_disarmed_in_csv_only(tmp_path: Path) -> None:
    parsed(tmp_path, "=name,n\n=1+1,-1\n+cmd|x,2\n@sum,3\n-x,4\n-5,5\n+6.5e3,6\nplain,-7\n", options={"header": True})
    lines = exported(tmp_path, "csv").decode().splitlines()
    assert lines == ["'=name,n", "'=1+1,-1", "'+cmd|x,2", "'@sum,3", "'-x,4", "-5,5", "+6.5e3,6", "plain,-7"]
    exported(tmp_path, "parquet")
    assert pd.read_parquet(tmp_path / "content")["=name"][0] == "=1+1"


def test_arrow_and_parquet_hold_the_same(tmp_path: Path) -> None:
    parsed(tmp_path, _MIXED)
    exported(tmp_path, "arrow")
    arrow = pa.ipc.open_file(pa.OSFile(str(tmp_path / "content"))).read_all()
    exported(tmp_path, "parquet")
    frame = pd.read_parquet(tmp_path / "content")
    pd.testing.assert_frame_equal(arrow.to_pandas(), frame)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "content"), frame)
    names = ["dotted.name", "n"]
    pd.testing.assert_frame_equal(read_frame(tmp_path / "content", names), frame[names])


def test_csv_quotes_only_what_needs_it(tmp_path: Path) -> None:
    content = b'a,"b, c"\n1.0,x\n2.5,"y, z"\n,"say ""hi"""\n3.0,"two\nlines"\n'
    parsed(tmp_path, content)
    assert exported(tmp_path, "csv") == content


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    parsed(tmp_path, _MIXED)
    with pytest.raises(errors.Invalid) as caught:
        exported(tmp_path, "xlsx")
    assert caught.value.flaws[0].suggestions == ("csv", "parquet", "arrow")


@pytest.mark.parametrize(
    ("cells", "old", "new", "expected"),
    [
        (["1", "2"], "integer", "category", ["1", "2"]),
        (["1", "0"], "integer", "boolean", [True, False]),
        (["1", "2"], "integer", "number", [1.0, 2.0]),
        (["1.0", "2.0"], "number", "integer", [1, 2]),
        (["1.0", "2.5"], "number", "text", ["1", "2.5"]),
        (["1e300", "1e-7"], "number", "category", ["1e+300", "1e-07"]),
        (["yes", "no"], "boolean", "integer", [1, 0]),
        (["yes", "no"], "boolean", "number", [1.0, 0.0]),
        (["yes", "no"], "boolean", "category", ["true", "false"]),
        (["007", "010"], "category", "integer", [7, 10]),
        (["a", "b"], "category", "text", ["a", "b"]),
        (["2021-01-01", "2021-01-02"], "text", "datetime", ["2021-01-01T00:00:00.000Z", "2021-01-02T00:00:00.000Z"]),
        (["2021-01-01"], "datetime", "text", ["2021-01-01T00:00:00.000Z"]),
    ],
)
def test_retype(tmp_path: Path, cells: list[str], old: str, new: str, expected: list[object]) -> None:
    content = "a,b\n" + "".join(f"{cell},1\n" for cell in [*cells, ""])
    before = parsed(tmp_path, content, options={"header": True}, types={"a": old})
    after = retyped(tmp_path, a=new)
    assert [row[0] for row in after["preview"]["rows"]] == [*expected, None]
    assert after["metadata"]["columns"][0]["type"] == new
    assert after["metadata"]["options"] is None
    assert after["metadata"]["digest"] != before["metadata"]["digest"]


@pytest.mark.parametrize(
    ("cells", "old", "new", "row"),
    [
        (["1", "2.5"], "number", "integer", 2),
        (["1", "1e300"], "number", "integer", 2),
        (["0", "1", "2"], "integer", "boolean", 3),
        (["1"], "integer", "datetime", 1),
        (["2021-01-01"], "datetime", "integer", 1),
        (["2021-01-01"], "datetime", "boolean", 1),
        (["yes"], "boolean", "datetime", 1),
        (["1", "", "x"], "category", "number", 3),
    ],
)
def test_an_impossible_retype_names_column_and_row(
    tmp_path: Path, cells: list[str], old: str, new: str, row: int
) -> None:
    parsed(tmp_path, "a,b\n" + "".join(f"{cell},1\n" for cell in cells), options={"header": True}, types={"a": old})
    with pytest.raises(errors.BadData) as caught:
        retyped(tmp_path, a=new)
    assert f"column a, row {row}: " in caught.value.flaws[0].detail


def test_retyping_what_there_is_not_has_suggestions(tmp_path: Path) -> None:
    parsed(tmp_path, DATA / "penguins.csv")
    with pytest.raises(errors.Invalid) as caught:
        retyped(tmp_path, specis="text")
    assert caught.value.flaws[0].suggestions == ("species",)
    assert not isinstance(caught.value, errors.BadData)


def test_every_number_survives_export(tmp_path: Path) -> None:
    numbers = [0.1, -0.0, 1.0, 1e15, 1e22, -5e-324, 1.7976931348623157e308, 123456789.25, 2.0**53, 1 / 3]
    before = parsed(tmp_path, "a,b\n" + "".join(f"{number!r},1\n" for number in numbers), types={"a": "number"})
    after = parsed(tmp_path, exported(tmp_path, "csv"))
    assert after["metadata"]["digest"] == before["metadata"]["digest"]
