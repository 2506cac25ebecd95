"""The figures of a profile, and that a table of any shape has one that is JSON."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from tests.unit.learning.table_files import parsed


def test_figures_by_column_type(tmp_path: Path) -> None:
    content = "n,c,b,d\n1,x,yes,2021-01-02\n2,y,no,2020-01-01\n3,x,yes,\n4,,,\n"
    number, category, boolean, datetime, *derived = parsed(tmp_path, content)["profile"]["columns"]
    assert [one["name"] for one in derived] == ["d_year", "d_month", "d_day", "d_weekday"]
    assert (number["min"], number["max"], number["mean"], number["distinct"]) == (1, 4, 2.5, 4)
    assert number["std"] == statistics.stdev([1, 2, 3, 4])
    assert number["quantiles"] == {"0.05": 1.15, "0.25": 1.75, "0.5": 2.5, "0.75": 3.25, "0.95": 3.8499999999999996}
    assert sum(number["histogram"]["counts"]) == 4
    assert len(number["histogram"]["edges"]) == len(number["histogram"]["counts"]) + 1
    assert category["top"] == [{"value": "x", "count": 2}, {"value": "y", "count": 1}]
    assert (category["missing"], category["distinct"]) == (1, 2)
    assert (boolean["true"], boolean["false"], boolean["missing"], boolean["distinct"]) == (2, 1, 1, 2)
    assert (datetime["first"], datetime["last"]) == ("2020-01-01T00:00:00.000Z", "2021-01-02T00:00:00.000Z")
    assert (datetime["missing"], datetime["distinct"]) == (2, 2)


def test_extreme_numbers(tmp_path: Path) -> None:
    content = "huge,one,none,near,big\n" + "".join(
        f"{huge},7,,{near!r},{big}\n"
        for huge, near, big in [("1.7e308", 1.0, 2**63 - 1), ("-1.7e308", 1.0000000000000002, -(2**63))]
    )
    result = parsed(tmp_path, content)
    huge, one, none, near, big = result["profile"]["columns"]
    assert (huge["max"], huge["std"], huge["histogram"]) == (1.7e308, None, None)
    assert (one["min"], one["std"], sum(one["histogram"]["counts"])) == (7, 0.0, 2)
    assert (none["min"], none["mean"], none["distinct"], none["histogram"]) == (None, None, 0, None)
    assert (near["distinct"], sum(near["histogram"]["counts"])) == (2, 2)
    assert (big["min"], big["max"]) == (-(2**63), 2**63 - 1)
    json.dumps(result, allow_nan=False)


def test_a_single_row_has_no_deviation(tmp_path: Path) -> None:
    assert parsed(tmp_path, "a,b\n1,2\n")["profile"]["columns"][0]["std"] is None


def test_a_wide_table_fits_into_a_result(tmp_path: Path) -> None:
    width = 1200
    content = ",".join(f"c{n}" for n in range(width)) + "\n" + "\n".join([",".join(["0.123456789"] * width)] * 60)
    result = parsed(tmp_path, content)
    assert len(json.dumps(result)) < 2 * 2**20
    assert "histogram" not in result["profile"]["columns"][0]
    assert 1 <= len(result["preview"]["rows"]) < 50


def test_long_texts_are_shortened_in_preview_and_profile(tmp_path: Path) -> None:
    result = parsed(tmp_path, f"a,b\n{'x' * 3000},1\n")
    assert result["preview"]["rows"][0][0] == "x" * 499 + "…"
    assert len(result["profile"]["columns"][0]["top"][0]["value"]) == 200


def test_the_preview_has_fifty_rows(tmp_path: Path) -> None:
    assert len(parsed(tmp_path, "a,b\n" + "1,2\n" * 51)["preview"]["rows"]) == 50
