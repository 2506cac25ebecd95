"""What is said of a table before somebody trains on it: figures of pairs, the target, repeated rows, oddities."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from catalog_service.tasks import explore
from common.learning import association, exploration
from tests.unit.learning.table_files import Folder, parsed


def explored(folder: Path, frame: pd.DataFrame, target: str | None = None) -> dict[str, Any]:
    """What the task says of a frame that was uploaded."""
    result = parsed(folder, frame.to_csv(index=False))
    (folder / "profile").write_text(json.dumps(result))
    found = explore.run({"target": target}, Folder(folder))  # type: ignore[arg-type]  # the sealed half is not used
    json.dumps(found, allow_nan=False)
    return found


def codes(found: dict[str, Any]) -> dict[str, list[str]]:
    """The columns of each warning."""
    warnings: dict[str, list[str]] = {}
    for one in found["warnings"]:
        warnings.setdefault(one["code"], []).extend(one["columns"])
    return warnings


def mixed(rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(3)
    one = random.normal(size=rows)
    two = one + random.normal(size=rows)
    two[::7] = np.nan
    kind = np.where(one + random.normal(size=rows) > 0, "up", "down")
    return pd.DataFrame({"one": one, "two": two, "kind": kind, "colour": random.choice(["red", "blue"], rows)})


def test_correlations_are_those_of_scipy_over_complete_pairs(tmp_path: Path) -> None:
    frame = mixed()
    told = explored(tmp_path, frame)["correlations"]
    known = frame.dropna()
    assert told["columns"] == ["one", "two"]
    assert told["pearson"][0][1] == pytest.approx(stats.pearsonr(known.one, known.two).statistic, abs=1e-6)
    assert told["spearman"][1][0] == pytest.approx(stats.spearmanr(known.one, known.two).statistic, abs=1e-6)
    assert told["pearson"][0][0] == 1


def test_measures_of_association_are_what_their_names_say() -> None:
    random = np.random.default_rng(5)
    one, two = random.integers(0, 3, 500), random.integers(0, 4, 500)
    two[:250] = one[:250]
    table = pd.crosstab(one, two).to_numpy()
    square = stats.chi2_contingency(table, correction=False).statistic / 500
    less = max(0, square - 2 * 3 / 499)
    assert association.cramers_v(one, two) == pytest.approx((less / (3 - 2**2 / 499 - 1)) ** 0.5)
    assert association.cramers_v(one, one) == pytest.approx(1)
    numbers = one + random.normal(size=500)
    f = stats.f_oneway(*(numbers[one == group] for group in range(3))).statistic
    assert association.correlation_ratio(one, numbers) == pytest.approx((2 * f / (2 * f + 497)) ** 0.5)
    assert association.spearman(numbers, numbers**3) == pytest.approx(1)
    assert association.mutual_information(one, one) == pytest.approx(stats.entropy(np.bincount(one)), abs=0.01)
    assert association.mutual_information(random.permutation(500), one) < 0.15  # type: ignore[operator]
    for nothing in (np.zeros(500), np.full(500, np.nan)):
        assert association.pearson(nothing, numbers) is None
        assert association.correlation_ratio(one, nothing) is None
    assert association.cramers_v(np.zeros(500, int), two) is None
    assert association.cramers_v(np.full(500, -1), two) is None


def test_the_target_of_a_classification(tmp_path: Path) -> None:
    about = explored(tmp_path, mixed(), "kind")["target"]
    assert (about["task"], about["missing"], about["classes"]["distinct"]) == ("classification", 0, 2)
    assert sum(one["count"] for one in about["classes"]["top"]) == 200
    by_name = {one["name"]: one for one in about["associations"]}
    assert [one["name"] for one in about["associations"]] == ["one", "two", "colour"]
    assert by_name["one"]["measure"] == "correlation_ratio"
    assert by_name["colour"]["measure"] == "cramers_v"
    assert 0 < by_name["one"]["score"] < 0.98


def test_the_target_of_a_regression(tmp_path: Path) -> None:
    about = explored(tmp_path, mixed(), "two")["target"]
    assert (about["task"], about["classes"]) == ("regression", None)
    first = about["associations"][0]
    assert (first["name"], first["measure"]) == ("one", "pearson")
    assert first["value"] > 0.5
    assert first["spearman"] > 0.5


def test_a_column_that_gives_the_target_away_is_found(tmp_path: Path) -> None:
    frame = mixed(300)
    up = frame["kind"] == "up"
    frame["after"] = np.where(up, 7.5, 3.25) + np.random.default_rng(1).normal(size=300) / 10
    frame["paid"] = np.where(up, "1", "")  # empty for one class: the gap tells it
    frame["code"] = np.where(up, "u", np.where(frame["colour"] == "red", "v", "w"))
    found = explored(tmp_path, frame, "kind")
    assert sorted(codes(found)["leaking_target"]) == ["after", "code", "paid"]
    assert {one["name"] for one in found["target"]["associations"][:3]} == {"after", "code", "paid"}


def test_a_gap_can_give_the_target_away() -> None:
    target = np.tile([0, 1], 200)
    values = np.where(target == 1, np.nan, np.random.default_rng(0).normal(size=400))
    assert association.single_feature_score(values, target) == pytest.approx(1)
    assert association.single_feature_score(np.random.default_rng(2).normal(size=400), target) < 0.3  # type: ignore[operator]


def test_oddities_of_columns_and_rows(tmp_path: Path) -> None:
    frame = mixed(400)
    frame["row"] = range(400)
    frame["code"] = [f"P-{number}" for number in range(400)]
    frame["same"] = 1
    frame["nearly"] = ["y"] + ["x"] * 399
    frame["gone"] = ""
    frame["gaps"] = [None, 1.5, None, 2.5] * 100
    frame["many"] = [f"v{number % 120}" for number in range(400)]
    frame["twice"] = frame["one"] * 2 + 1
    frame["kind"] = ["rare"] * 3 + ["often"] * 397
    frame.loc[399, ["one", "two", "colour", "gaps", "many", "twice", "nearly"]] = frame.loc[
        398, ["one", "two", "colour", "gaps", "many", "twice", "nearly"]
    ]
    found = explored(tmp_path, pd.concat([frame, frame[:5]]), None)
    assert found["duplicates"] == {"rows": 405, "exact": 5, "near": 5}
    assert codes(found).keys() >= {"duplicate_rows"}
    assert codes(found)["high_cardinality"] == ["many"]
    found = explored(tmp_path, frame, "kind")
    assert found["duplicates"] == {"rows": 400, "exact": 0, "near": 1}
    told = codes(found)
    assert sorted(told["identifier"]) == ["code", "row"]
    assert (told["constant"], told["almost_constant"], told["empty"]) == (["same"], ["nearly"], ["gone"])
    assert (told["missing"], told["high_cardinality"], told["correlated"]) == (["gaps"], ["many"], ["one", "twice"])
    assert (told["imbalance"], told["rare_class"]) == (["kind"], ["kind"])
    assert "'rare'" not in json.dumps(found["target"])


def test_a_large_or_wide_table_is_looked_at_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration, "ROWS", 100)
    monkeypatch.setattr(exploration, "ESTIMATED_ROWS", 50)
    monkeypatch.setattr(exploration, "CORRELATED", 3)
    monkeypatch.setattr(exploration, "ASSOCIATED", 4)
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 12)), columns=[f"c{n}" for n in range(12)])
    frame["y"] = frame["c3"] * 3 + frame["c1"]
    for at in range(12, 24):
        frame[f"e{at}"] = 0
    found = explored(tmp_path, frame, "y")
    assert found["sample"] == {"rows": 100, "estimated_rows": 50, "of_rows": 300, "seed": 0}
    assert found["correlations"]["left_out"] == 10
    assert "c3" in found["correlations"]["columns"]
    assert (len(found["target"]["associations"]), found["target"]["left_out"]["too_many"]) == (4, 8)
    constant = next(one for one in found["warnings"] if one["code"] == "constant")
    assert (constant["count"], len(constant["columns"])) == (12, 10)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,x\n",
        "a,b\n,\n1,\n",
        "a,b\n1e308,x\n-1e308,y\n1e308,x\n5,y\n6,z\n7,x\n8,y\n",
        "a,b\n" + "1,x\n" * 9,
        "a,b\n" + "".join(f"{number}.5,word {number}\n" for number in range(60)),
    ],
)
def test_any_table_and_target_has_an_answer(tmp_path: Path, content: str) -> None:
    frame = pd.read_csv(io.StringIO(content))
    for target in (None, "a", "b"):
        assert explored(tmp_path, frame, target)["sample"]["rows"] == len(frame)
