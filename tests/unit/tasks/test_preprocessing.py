"""What a request says of single columns: done to them and nothing else, in an artifact that opens alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io

from common.learning import preprocessing
from common.learning.artifact import TRUSTED
from tests.unit.tasks.task_data import Workshop, table, with_gaps


def prepared(workshop: Workshop, columns: dict[str, Any], **more: Any) -> tuple[Any, Any, dict[str, Any]]:
    """A fitted model, opened with skops alone; the frame of its features as it is stored; the result."""
    frame = more.pop("frame", None)
    frame = with_gaps(table()) if frame is None else frame
    more = {"algorithm": "decision_tree", "target": "kind", **more}
    done = workshop.train(frame, preprocessing={"columns": columns}, **more)
    model = skops.io.loads(done.files.outputs["artifact"], trusted=list(TRUSTED))
    stored = pd.read_parquet(done.files.dataset)[[one["name"] for one in done.result["features"]]]
    assert len(model.predict(stored)) == len(frame)
    return model, stored, done.result


def inputs(model: Any, stored: pd.DataFrame) -> pd.DataFrame:
    found = model.named_steps[preprocessing.PREPARE].transform(stored)
    found = found.toarray() if hasattr(found, "toarray") else found
    return pd.DataFrame(found, columns=preprocessing.input_names(model))


def test_each_choice_is_done_to_its_column(workshop: Workshop) -> None:
    columns = {
        "size": {"impute": "constant", "fill_value": -9.5, "scale": "none"},
        "count": {"impute": "mean", "scale": "minmax"},
        "colour": {"encode": "ordinal", "categories": ["red", "blue"]},
        "heavy": {"encode": "one_hot"},
    }
    model, stored, result = prepared(workshop, columns, features=["size", "count", "colour", "heavy", "weight"])
    found = inputs(model, stored)
    np.testing.assert_allclose(found["size"], stored["size"].fillna(-9.5))
    assert (found["count"].min(), found["count"].max()) == pytest.approx((0, 1))
    assert found["colour"].tolist() == [{"red": 0, "blue": 1}.get(value, -1) for value in stored["colour"]]
    assert {"heavy_True", "heavy_False"} <= set(found.columns)
    assert abs(found["weight"].mean()) < 0.5  # of which nothing was said
    assert result["preprocessing"] == [
        {"columns": ["weight"], "type": "number", "impute": "median", "scale": "standard"},
        {"columns": ["size"], "type": "number", "impute": "constant", "fill_value": -9.5, "scale": "none"},
        {"columns": ["count"], "type": "number", "impute": "mean", "scale": "minmax"},
        {"columns": ["colour"], "type": "category", "encode": "ordinal", "categories": ["red", "blue"]},
        {"columns": ["heavy"], "type": "boolean", "encode": "one_hot", "max_categories": 50},
    ]


def test_rare_values_share_a_column_and_missing_ones_can_be_filled(workshop: Workshop) -> None:
    frame = with_gaps(table())
    frame["colour"] = np.where(np.arange(200) % 20 == 3, "odd", frame["colour"])
    frame["colour"] = np.where(np.arange(200) % 20 == 4, "queer", frame["colour"])
    columns = {
        "colour": {"encode": "one_hot", "min_frequency": 0.1, "impute": "most_frequent"},
        "count": {"encode": "one_hot", "max_categories": 4},
    }
    model, stored, _ = prepared(workshop, columns, frame=frame, features=["colour", "count"])
    names = preprocessing.input_names(model)
    assert [name for name in names if name.startswith("colour")] == [
        "colour_blue", "colour_green", "colour_red", "colour_infrequent_sklearn",
    ]  # fmt: skip
    assert sum(name.startswith("count") for name in names) == 4
    new = pd.DataFrame({"colour": ["never seen"], "count": [10_000.0]})
    assert inputs(model, new)["colour_infrequent_sklearn"].tolist() == [1]
    assert len(stored) == 200


def test_ordinal_codes_of_what_was_never_seen_and_what_is_missing(workshop: Workshop) -> None:
    model, _, _ = prepared(workshop, {"colour": {"encode": "ordinal"}}, features=["colour"])
    new = pd.DataFrame({"colour": ["blue", "red", "mauve", np.nan]})
    assert inputs(model, new)["colour"].tolist() == [0, 2, -1, -2]


def test_texts_are_learned_from_by_hashing(workshop: Workshop) -> None:
    frame = with_gaps(table())
    frame["remark"] = np.where(frame["kind"] == "yes", "a good thing, in all", "bad, in all")
    frame.loc[frame.index[::19], "remark"] = None
    columns = {"remark": {"encode": "hashing", "n_features": 64}, "colour": {"encode": "hashing", "n_features": 8}}
    for algorithm in ("logistic_regression", "multinomial_naive_bayes"):
        model, stored, result = prepared(
            workshop, columns, frame=frame, algorithm=algorithm, features=["remark", "colour"]
        )
        assert result["measures"]["test"]["accuracy"] > 0.9
        assert result["features"] == [{"name": "remark", "type": "text"}, {"name": "colour", "type": "category"}]
        names = preprocessing.input_names(model)
        assert (names[0], len(names)) == ("remark_0", 72)
        assert inputs(model, stored).filter(like="colour").sum(axis=1).eq(1).all()
    assert not any("left out" in note and "remark" in note for note in result["notes"])


@pytest.mark.parametrize("name", ["hist_gradient_boosting", "complement_naive_bayes", "naive_bayes", "svm"])
def test_algorithms_of_all_kinds_take_what_was_chosen(workshop: Workshop, name: str) -> None:
    columns = {
        "size": {"impute": "most_frequent", "scale": "robust"},
        "colour": {"encode": "ordinal", "scale": "standard"},
        "remark": {"encode": "hashing", "n_features": 16},
        "heavy": {"ignore": True},
    }
    parameters = {"max_iter": 5} if name == "hist_gradient_boosting" else {}
    model, _, result = prepared(workshop, columns, frame=with_gaps(table(120)), algorithm=name, parameters=parameters)
    assert "heavy" not in preprocessing.input_names(model)
    assert {"columns": ["remark"], "type": "text", "encode": "hashing", "n_features": 16} in result["preprocessing"]


def test_only_the_rows_to_learn_from_are_learned(workshop: Workshop) -> None:
    columns = {"size": {"impute": "mean", "scale": "minmax"}}
    model, stored, result = prepared(workshop, columns, features=["size"])
    scaler = model.named_steps[preprocessing.PREPARE].transformers_[0][1].named_steps["scale"]
    assert scaler.n_samples_seen_ == result["split"]["train_rows"] < len(stored) - result["split"]["dropped_rows"]
