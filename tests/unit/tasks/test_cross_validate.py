"""Cross-validation: folds by class, by group and in the order of time, and figures that are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from common import errors
from common.learning import folds
from tests.unit.tasks.task_data import Workshop, table, with_gaps


def asked(**fields: Any) -> dict[str, Any]:
    return {"folds": 4, "method": "plain", "column": None, "seed": 0, **fields}


def test_figures_are_those_of_scikit_learn(workshop: Workshop) -> None:
    frame = table()[["size", "weight"]]
    done = workshop.train(frame, algorithm="linear_regression", target="weight")
    found = done.evaluate(["r2"], cross_validation={"folds": 4, "seed": 3})
    model = make_pipeline(StandardScaler(), LinearRegression())
    split = KFold(4, shuffle=True, random_state=3)
    expected = cross_val_score(model, frame[["size"]], frame["weight"], cv=split, scoring="r2")
    parts = found["cross_validation"]["parts"]
    assert [part["measures"]["r2"] for part in parts] == pytest.approx(list(expected))
    assert found["measures"]["r2"] == pytest.approx(expected.mean())
    assert found["cross_validation"]["spread"]["r2"] == pytest.approx(expected.std(ddof=1))
    assert sum(part["test_rows"] for part in parts) == found["rows"] == len(frame)


def test_processes_find_what_one_finds(workshop: Workshop) -> None:
    done = workshop.train(with_gaps(table()), algorithm="decision_tree")
    alone, together = (done.evaluate(processes=some, cross_validation={"folds": 3}) for some in (1, 2))
    for each in (alone, together):
        for part in each["cross_validation"]["parts"]:
            del part["fit_seconds"]
    assert alone["cross_validation"] == together["cross_validation"]
    assert (alone["averaging"], alone["positive_class"]) == ("binary", "yes")


def test_groups_stay_together() -> None:
    by = pd.Series(np.repeat(np.arange(10), 4), name="who")
    for task, target in (("regression", np.arange(40.0)), ("classification", np.tile(["a", "b"], 20))):
        for train, test in folds.of(target, by, task, asked(method="grouped", column="who")):
            assert set(by[train]).isdisjoint(by[test])
    with pytest.raises(errors.BadData, match="10 groups: too few for 11"):
        folds.of(np.arange(40.0), by, "regression", asked(method="grouped", column="who", folds=11))


def test_time_goes_forward(workshop: Workshop) -> None:
    by = pd.Series(np.random.default_rng(0).permutation(40), name="when")
    for train, test in folds.of(np.arange(40.0), by, "regression", asked(method="time", column="when")):
        assert by[train].max() < by[test].min()
    done = workshop.train(table(), algorithm="linear_regression", target="weight")
    told = {"folds": 3, "method": "time", "column": "seen"}  # no feature, but a column of the dataset
    assert len(done.evaluate(cross_validation=told)["cross_validation"]["parts"]) == 3


def test_rows_that_belong_to_no_fold() -> None:
    by = pd.Series([1.0, None] * 20, name="when")
    with pytest.raises(errors.BadData, match="'when' is missing in 20 rows"):
        folds.of(np.arange(40.0), by, "regression", asked(method="time", column="when"))
    with pytest.raises(errors.BadData, match="7 rows are too few for 4 folds"):
        folds.of(np.arange(7.0), None, "regression", asked())


def test_every_class_is_in_every_fold() -> None:
    target = np.array(["a"] * 36 + ["b"] * 4)
    for _, test in folds.of(target, None, "classification", asked()):
        assert (target[test] == "b").sum() == 1
