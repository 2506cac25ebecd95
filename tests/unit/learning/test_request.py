"""What a training request becomes, and what is said about a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from common.learning.choice import MOST_CLASSES
from common.learning.request import complete_training, infer_task
from tests.unit.learning.requests import column, dataset, training


def flaws_of(table: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    _, flaws = complete_training(training(**fields), table or dataset())
    found = {flaw.pointer: flaw for flaw in flaws}
    assert len(found) == len(flaws), "one flaw for each place"
    return found


@pytest.mark.parametrize(
    ("kind", "distinct", "task"),
    [
        ("category", 500, "classification"),
        ("boolean", 2, "classification"),
        ("text", 40, "classification"),
        ("integer", 10, "classification"),
        ("integer", 11, "regression"),
        ("number", 2, "regression"),
    ],
)
def test_the_task_follows_from_the_target(kind: str, distinct: int, task: str) -> None:
    found, reason = infer_task(column("y", kind, distinct), distinct)
    assert found == task
    assert "'y'" in reason
    assert kind in reason


def test_a_short_request_is_completed() -> None:
    completed, flaws = complete_training(training(), dataset())
    assert flaws == []
    assert completed["dataset"] == {"id": "ds_1", "name": "penguins", "version": 1, "digest": "sha256:ab"}
    assert completed["task"] == "classification"
    assert completed["target_type"] == "category"
    assert completed["features"] == [
        "island", "bill_length_mm", "body_mass_g", "sex", "adult", "seen", "comment", "eggs",
    ]  # fmt: skip
    assert completed["columns"][0] == {"name": "island", "type": "category"}
    assert completed["parameters"]["C"] == 1.0
    assert completed["parameters"]["random_state"] == 0
    assert completed["split"] == {"test_share": 0.25, "seed": 0, "stratify": "auto"}
    assert completed["positive_class"] is None
    assert completed["limits"] == {"seconds": None, "memory": None}
    assert "exclude" not in completed


def test_a_completed_request_is_complete() -> None:
    once, _ = complete_training(training(exclude=["island"], parameters={"C": 2}), dataset())
    again, flaws = complete_training({**once, "dataset": "penguins"}, dataset())
    # Named now, columns that cannot be features are refused: nothing else changes.
    assert {flaw.code for flaw in flaws} == {"column_type"}
    assert again["parameters"] == once["parameters"]
    assert once["parameters"]["C"] == 2


def test_the_seed_of_the_split_is_the_estimators_unless_given() -> None:
    follows, _ = complete_training(training(split={"seed": 7}), dataset())
    told, _ = complete_training(training(split={"seed": 7}, parameters={"random_state": 3}), dataset())
    null, _ = complete_training(training(split={"seed": 7}, parameters={"random_state": None}), dataset())
    without, _ = complete_training(training(algorithm="naive_bayes", split={"seed": 7}), dataset())
    assert follows["parameters"]["random_state"] == 7
    assert told["parameters"]["random_state"] == 3
    assert null["parameters"]["random_state"] == 7
    assert "random_state" not in without["parameters"]


def test_everything_wrong_is_said_at_once() -> None:
    found = flaws_of(
        target="specis",
        algorithm="logistic_regresion",
        task="clasification",
        features=["island", "bill_lenght_mm", "island", "seen"],
        split={"test_share": 1.0, "seed": -1, "stratify": "no"},
        preprocessing={"columns": {"iland": {"ignore": True}}},
    )
    assert set(found) == {
        "/target", "/algorithm", "/task", "/features/1", "/features/2", "/features/3",
        "/split/test_share", "/split/seed", "/split/stratify", "/preprocessing/columns/iland",
    }  # fmt: skip
    assert found["/target"].suggestions == ("species",)
    assert found["/algorithm"].suggestions[0] == "logistic_regression"
    assert found["/task"].suggestions == ("classification",)
    assert found["/features/1"].suggestions == ("bill_length_mm",)
    assert found["/features/2"].code == "duplicate"
    assert found["/features/3"].code == "column_type"


def test_a_missing_target_names_the_columns() -> None:
    found = flaws_of(target=None)["/target"]
    assert found.code == "required"
    assert "species, island" in found.detail


@pytest.mark.parametrize(
    ("target", "code"),
    [(column("y", "category", 1), "constant"), (column("y", "number", 0, 344), "constant"),
     (column("y", "datetime", 9), "column_type"), (column("y", "text", MOST_CLASSES + 1), "too_many_classes")],
)  # fmt: skip
def test_a_target_that_cannot_be_predicted(target: dict[str, Any], code: str) -> None:
    found = flaws_of(dataset(target, column("x", "number", 9), rows=2000), target="y")
    assert found["/target"].code == code


def test_the_target_is_no_feature() -> None:
    assert flaws_of(features=["species", "sex"])["/features/0"].code == "target_as_feature"


@pytest.mark.parametrize("fields", [{"features": []}, {"exclude": ["x"]}])
def test_something_must_be_left_to_learn_from(fields: dict[str, Any]) -> None:
    table = dataset(column("y", "category", 2), column("x", "number", 9), column("t", "text", 9))
    found = flaws_of(table, target="y", **fields)
    assert [flaw.code for flaw in found.values()] == ["no_features"]


def test_features_and_exclude_together_contradict() -> None:
    found = flaws_of(features=["sex"], exclude=["islnd"])
    assert found["/exclude"].code == "conflict"
    assert found["/exclude/0"].suggestions == ("island",)


def test_an_algorithm_for_another_task_names_those_that_fit() -> None:
    found = flaws_of(target="bill_length_mm", algorithm="naive_bayes")["/algorithm"]
    assert found.code == "algorithm_task"
    assert "random_forest" in found.suggestions
    assert "logistic_regression" not in found.suggestions


@pytest.mark.parametrize(
    ("algorithm", "name", "value"),
    [
        ("logistic_regression", "C", 0),
        ("logistic_regression", "C", True),
        ("logistic_regression", "C", "1"),
        ("logistic_regression", "max_iter", 10.0),
        ("logistic_regression", "fit_intercept", 1),
        ("random_forest", "n_estimators", 0),
        ("random_forest", "n_estimators", True),
        ("random_forest", "max_features", 1.5),
        ("random_forest", "random_state", 2**32),
        ("decision_tree", "max_depth", "deep"),
        ("svm", "gamma", -1),
        ("svm", "kernel", ["rbf"]),
    ],
)
def test_a_hyperparameter_out_of_its_range(algorithm: str, name: str, value: Any) -> None:
    found = flaws_of(algorithm=algorithm, parameters={name: value})
    assert list(found) == [f"/parameters/{name}"]
    assert repr(value) in found[f"/parameters/{name}"].detail


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(value: float) -> None:
    _, flaws = complete_training({**training(), "parameters": {"C": value}}, dataset())
    assert [flaw.pointer for flaw in flaws] == ["/parameters/C"]


@pytest.mark.parametrize(("name", "value"), [("C", 3), ("l1_ratio", 0), ("class_weight", None), ("max_iter", 5)])
def test_admissible_hyperparameters(name: str, value: Any) -> None:
    completed, flaws = complete_training(training(parameters={name: value}), dataset())
    assert flaws == []
    assert completed["parameters"][name] == value


def test_near_misses_of_hyperparameters() -> None:
    found = flaws_of(algorithm="svm", parameters={"kernal": "rbf", "kernel": "rbs", "a/b~c": 1})
    assert found["/parameters/kernal"].suggestions == ("kernel",)
    assert found["/parameters/kernel"].suggestions == ("rbf",)
    assert "/parameters/a~1b~0c" in found


@pytest.mark.parametrize(
    ("algorithm", "parameters", "pointer"),
    [
        ("logistic_regression", {"l1_ratio": 0.5}, "/parameters/l1_ratio"),
        ("logistic_regression", {"solver": "liblinear"}, "/parameters/solver"),
        ("random_forest", {"bootstrap": False, "oob_score": True}, "/parameters/oob_score"),
        ("random_forest", {"bootstrap": False, "max_samples": 0.5}, "/parameters/max_samples"),
    ],
)
def test_hyperparameters_that_contradict(algorithm: str, parameters: dict[str, Any], pointer: str) -> None:
    assert flaws_of(algorithm=algorithm, parameters=parameters)[pointer].code == "conflict"


def test_regression_wants_numbers() -> None:
    assert flaws_of(task="regression", algorithm="random_forest")["/task"].code == "column_type"
    completed, flaws = complete_training(
        training(target="eggs", task="regression", algorithm="random_forest"), dataset()
    )
    assert flaws == []
    assert completed["task_reason"] == "asked for"


@pytest.mark.parametrize(
    ("target", "value", "code"),
    [("species", "Adelie", "conflict"), ("body_mass_g", 1, "conflict"), ("sex", True, "type"),
     ("adult", 1, "type"), ("adult", "true", "type")],
)  # fmt: skip
def test_a_positive_class_that_cannot_be_one(target: str, value: Any, code: str) -> None:
    found = flaws_of(target=target, positive_class=value, algorithm="random_forest")
    assert found["/positive_class"].code == code


@pytest.mark.parametrize(
    ("target", "given", "kept"), [("sex", "MALE", "MALE"), ("sex", 1, "1"), ("adult", False, False)]
)
def test_the_positive_class_has_the_targets_type(target: str, given: Any, kept: Any) -> None:
    completed, flaws = complete_training(training(target=target, positive_class=given), dataset())
    assert flaws == []
    assert completed["positive_class"] is kept or completed["positive_class"] == kept


def test_too_few_rows() -> None:
    table = dataset(column("y", "category", 2, missing=7), column("x", "number", 9), rows=10)
    assert flaws_of(table, target="y")["/dataset"].code == "too_few_rows"
    table = dataset(column("y", "category", 2), column("x", "number", 9), rows=10)
    assert flaws_of(table, target="y", split={"test_share": 0.95})["/split/test_share"].code == "too_few_rows"


def test_a_regression_has_no_classes_to_divide_by() -> None:
    found = flaws_of(target="bill_length_mm", algorithm="linear_regression", split={"stratify": True})
    assert found["/split/stratify"].code == "conflict"


def test_preprocessing_is_completed_and_accepted_again() -> None:
    columns = {
        "bill_length_mm": {"impute": "mean"},
        "eggs": {"encode": "one_hot"},
        "island": {"impute": "most_frequent"},
        "sex": {"encode": "ordinal", "categories": ["MALE", "FEMALE"]},
        "comment": {"encode": "hashing"},
        "body_mass_g": {"ignore": True},
    }
    once, flaws = complete_training(training(preprocessing={"columns": columns}), dataset())
    assert flaws == []
    assert once["preprocessing"] == {
        "method": "automatic",
        "columns": {
            "bill_length_mm": {"impute": "mean", "scale": "standard"},
            "eggs": {"encode": "one_hot", "max_categories": 50},
            "island": {"impute": "most_frequent", "encode": "one_hot", "max_categories": 50},
            "sex": {"encode": "ordinal", "categories": ["MALE", "FEMALE"]},
            "comment": {"encode": "hashing", "n_features": 256},
        },
    }
    assert "body_mass_g" not in once["features"]
    features = [name for name in once["features"] if name != "seen"]
    again, flaws = complete_training(training(preprocessing=once["preprocessing"], features=features), dataset())
    assert flaws == []
    assert again["preprocessing"] == once["preprocessing"]


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"iland": {"ignore": True}}, "/iland", "unknown_column"),
        ({"species": {"impute": "constant"}}, "/species", "conflict"),
        ({"seen": {"impute": "mean"}}, "/seen", "column_type"),
        ({"island": {"impute": "mean"}}, "/island/impute", "option"),
        ({"bill_length_mm": {"encode": "one_hot"}}, "/bill_length_mm/encode", "option"),
        ({"comment": {"impute": "constant"}}, "/comment/encode", "required"),
        ({"eggs": {"encode": "ordinal", "impute": "median"}}, "/eggs/impute", "conflict"),
        ({"island": {"scale": "minmax"}}, "/island/scale", "conflict"),
        ({"island": {"encode": "one_hot", "n_features": 8}}, "/island/n_features", "conflict"),
        ({"island": {"min_frequency": 1.5}}, "/island/min_frequency", "range"),
        ({"eggs": {"max_categories": 8}}, "/eggs/max_categories", "conflict"),
        ({"eggs": {"impute": "constant"}}, "/eggs/fill_value", "required"),
        ({"eggs": {"impute": "constant", "fill_value": "x"}}, "/eggs/fill_value", "type"),
        ({"eggs": {"fill_value": 3}}, "/eggs/fill_value", "conflict"),
        ({"sex": {"encode": "ordinal", "categories": ["a", "a"]}}, "/sex/categories", "duplicate"),
        ({"sex": {"encode": "ordinal", "categories": [1]}}, "/sex/categories", "type"),
        ({"sex": {"ignore": True, "impute": "constant"}}, "/sex/impute", "conflict"),
    ],
)
def test_preprocessing_that_cannot_be(said: dict[str, Any], pointer: str, code: str) -> None:
    found = flaws_of(preprocessing={"columns": said})
    assert {place: flaw.code for place, flaw in found.items()} == {f"/preprocessing/columns{pointer}": code}


def test_what_is_said_of_a_type_is_said_of_its_columns() -> None:
    said = {
        "types": {"number": {"scale": "robust"}, "category": {"encode": "ordinal"}, "text": {"encode": "hashing"}},
        "columns": {"sex": {"encode": "one_hot"}},
    }
    completed, flaws = complete_training(training(preprocessing=said), dataset())
    assert flaws == []
    assert completed["preprocessing"]["columns"] == {
        "bill_length_mm": {"impute": "median", "scale": "robust"},
        "island": {"encode": "ordinal"},
        "comment": {"encode": "hashing", "n_features": 256},
        "sex": {"encode": "one_hot", "max_categories": 50},
    }
    assert "comment" in completed["features"]
    without, flaws = complete_training(training(preprocessing={"types": {"integer": {"ignore": True}}}), dataset())
    assert flaws == []
    assert not {"eggs", "body_mass_g"} & set(without["features"])


def test_a_type_that_cannot_be_so_is_told_once() -> None:
    found = flaws_of(preprocessing={"types": {"category": {"impute": "mean"}, "number": {"scale": "robust"}}})
    assert {place: flaw.code for place, flaw in found.items()} == {"/preprocessing/types/category/impute": "option"}


def test_a_feature_that_is_named_cannot_be_ignored_and_one_must_be_left() -> None:
    assert set(flaws_of(features=["sex"], preprocessing={"columns": {"sex": {"encode": "drop"}}})) == {
        "/preprocessing/columns/sex"
    }
    only = dataset(column("species", "category", 3), column("x", "number", 9))
    assert set(flaws_of(only, preprocessing={"columns": {"x": {"ignore": True}}})) == {"/preprocessing"}
    texts = dataset(column("species", "category", 3), column("x", "text", 90))
    hashed = training(preprocessing={"columns": {"x": {"encode": "hashing"}}}, features=["x"])
    assert complete_training(hashed, texts)[1] == []


def test_amounts_are_no_classes() -> None:
    table = dataset(column("x", "number", 30), column("y", "number", 30))
    found = flaws_of(table, target="y", task="classification")
    assert found["/task"].code == "column_type" and "--type y=category" in found["/task"].detail
