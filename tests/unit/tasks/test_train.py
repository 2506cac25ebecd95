"""Training in one go: what the result says, and that its figures are scikit-learn's."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from common import errors
from common.learning import artifact, measuring
from common.learning.artifact import TRUSTED
from common.learning.preprocessing import PREPARE
from common.learning.registry import algorithms
from common.learning.sample import Sample
from tests.unit.tasks.task_data import TYPES, MemoryFiles, Workshop, table, with_gaps
from training_service.tasks import train

TARGETS = {"kind": "classification", "sort": "classification", "level": "classification", "weight": "regression"}
LEAST = {"complement_naive_bayes": 0.5, "multilayer_perceptron": 0.4}
SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 5},
    "extra_trees": {"n_estimators": 10},
    "hist_gradient_boosting": {"max_iter": 20},
    "multilayer_perceptron": {"hidden_layer_sizes": [20], "solver": "lbfgs"},
}


def cases() -> list[Any]:
    return [
        pytest.param(name, target, id=f"{name}-{target}")
        for name, entry in algorithms().items()
        for target, task in TARGETS.items()
        if task in entry.tasks
    ]


@pytest.mark.parametrize(("algorithm", "target"), cases())
def test_every_algorithm_learns_from_columns_of_all_types(
    workshop: Workshop, algorithm: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = with_gaps(table())
    predict, compared = measuring.predict, []

    def predicts(model: Any, task: str, rows: Sample, *more: Any, prepared: Any = None) -> Any:
        if prepared is not None:
            compared.append(_dense(prepared) == _dense(model.named_steps[PREPARE].transform(rows.features)))
        return predict(model, task, rows, *more, prepared=prepared)

    monkeypatch.setattr(measuring, "predict", predicts)
    done = workshop.train(frame, algorithm=algorithm, target=target, parameters=SMALL.get(algorithm, {}))
    measures = done.result["measures"]
    assert set(measures) == {"train", "test"}
    if algorithm != "baseline":
        assert measures["test"]["r2" if TARGETS[target] == "regression" else "accuracy"] > LEAST.get(algorithm, 0.6)
    assert measures["train"].keys() == measures["test"].keys()
    missing = int(frame[target].isna().sum())
    assert done.result["split"]["dropped_rows"] == missing
    assert done.result["split"]["train_rows"] + done.result["split"]["test_rows"] == len(frame) - missing
    assert 10 < len(json.dumps(done.result["learned"])) < 20_000
    assert artifact.load(done.files.outputs["artifact"], done.result["artifact"]["digest"])
    assert done.files.steps == ["read", "split", "fit", "measure", "save"]
    # The rows learned from are measured as they were prepared for learning: no estimator may have changed them.
    assert len(compared) == 1 and compared[0].all()
    assert {feature["name"] for feature in done.result["features"]}.isdisjoint({"seen", "remark", target})
    assert any("datetime" in note and "seen" in note for note in done.result["notes"])


def _dense(prepared: Any) -> Any:
    return prepared.toarray() if hasattr(prepared, "toarray") else prepared


@pytest.mark.parametrize("target", TARGETS)
def test_the_artifact_opens_by_skops_alone_and_predicts_stored_labels(workshop: Workshop, target: str) -> None:
    frame = with_gaps(table())
    done = workshop.train(frame, algorithm="decision_tree", target=target)
    data = done.files.outputs["artifact"]
    described = done.result["artifact"]
    assert described == {
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "size": len(data),
        "format": "skops",
    }
    model = skops.io.loads(data, trusted=list(TRUSTED))
    stored = pd.read_parquet(done.files.dataset)
    predicted = model.predict(stored[[feature["name"] for feature in done.result["features"]]])
    assert len(predicted) == len(frame)
    kinds = {"kind": str, "sort": str, "level": np.int64, "weight": np.float64}
    assert isinstance(predicted[0], kinds[target])


@pytest.mark.parametrize(
    ("algorithm", "task", "given"),
    [
        ("k_means", "clustering", {"n_clusters": 3}),
        ("gaussian_mixture", "clustering", {"reg_covar": 0.01}),
        ("dbscan", "clustering", {"eps": 0.6}),
        ("isolation_forest", "anomaly", {"n_estimators": 10}),
    ],
)
def test_what_has_no_target_learns_from_all_rows(
    workshop: Workshop, algorithm: str, task: str, given: dict[str, Any]
) -> None:
    frame = with_gaps(table())
    done = workshop.train(
        frame, algorithm=algorithm, target=None, parameters=given, features=["size", "count", "colour", "heavy"]
    )
    assert (done.request["task"], done.request["task_reason"]) == (task, f"{algorithm} needs no target")
    assert [*done.result["measures"]] == ["train"]
    assert done.result["measures"]["train"]["silhouette"] is not None
    assert (done.result["split"]["train_rows"], done.result["split"]["test_rows"]) == (len(frame), 0)
    assert 10 < len(json.dumps(done.result["learned"])) < 20_000
    again = done.evaluate()
    assert again["measures"] == done.result["measures"]["train"]
    assert sum(group["rows"] for group in again["groups"]) == again["rows"] == len(frame)


@pytest.mark.parametrize(
    ("name", "target", "given"),
    [
        ("sklearn.ensemble.AdaBoostClassifier", "sort", {"n_estimators": 5}),
        ("sklearn.linear_model.BayesianRidge", "weight", {}),
        ("sklearn.gaussian_process.GaussianProcessClassifier", "kind", {}),
    ],
)
def test_any_estimator_by_its_qualified_name(workshop: Workshop, name: str, target: str, given: dict[str, Any]) -> None:
    done = workshop.train(table(80), algorithm=name, target=target, parameters=given)
    assert done.evaluate()["measures"] == done.result["measures"]["test"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("sklearn.ensemble.AdaBostClassifier", {}, "no estimator 'sklearn.ensemble.AdaBostClassifier' for classific"),
        ("sklearn.linear_model.Ridge", {}, "no estimator 'sklearn.linear_model.Ridge' for classification"),
        ("sklearn.ensemble.AdaBoostClassifier", {"n_estimators": -1}, "'n_estimators' parameter .* must be an int"),
        ("sklearn.ensemble.AdaBoostClassifier", {"trees": 1}, "no hyper-parameter 'trees'"),
        ("sklearn.ensemble.BaggingClassifier", {"n_jobs": 64}, "n_jobs is the platform's to say"),
        ("sklearn.ensemble.VotingClassifier", {}, "built from other estimators"),
    ],
)
def test_what_is_no_estimator_or_not_its_parameter(
    workshop: Workshop, name: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(errors.BadData, match=said):
        workshop.train(table(40), algorithm=name, parameters=given)


def test_a_model_that_cannot_be_stored_says_so(workshop: Workshop) -> None:
    birch = {"algorithm": "sklearn.cluster.Birch", "task": "clustering", "target": None}
    with pytest.raises(errors.BadData, match="cannot be stored: Objects of type Birch"):
        workshop.train(table(40), **birch)


def test_figures_are_those_of_scikit_learn(workshop: Workshop) -> None:
    frame = table()[["size", "count", "kind"]].astype({"count": "int64"})
    done = workshop.train(frame, algorithm="logistic_regression", split={"seed": 3, "test_share": 0.3})
    parts = train_test_split(
        frame[["size", "count"]], frame["kind"].to_numpy(object), test_size=0.3, random_state=3, stratify=frame["kind"]
    )
    x_train, x_test, y_train, y_test = parts
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x_train, y_train)
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        predicted, scores = model.predict(x), model.predict_proba(x)
        expected = {
            "accuracy": metrics.accuracy_score(y, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
            "precision": metrics.precision_score(y, predicted, pos_label="yes"),
            "recall": metrics.recall_score(y, predicted, pos_label="yes"),
            "f1": metrics.f1_score(y, predicted, pos_label="yes"),
            "roc_auc": metrics.roc_auc_score(y == "yes", scores[:, 1]),
            "log_loss": metrics.log_loss(y, scores),
        }
        # The rows of a part stand in another order, which moves the solver by its tolerance.
        assert done.result["measures"][part] == pytest.approx(expected, rel=1e-4)
    assert done.result["learned"]["coefficients"]["labels"] == ["yes"]
    shown = {item["feature"]: item["values"] for item in done.result["learned"]["coefficients"]["shown"]}
    assert [shown["size"][0], shown["count"][0]] == pytest.approx(list(model[-1].coef_[0]), rel=1e-3)
    assert (done.result["averaging"], done.result["positive_class"]) == ("binary", "yes")
    assert done.result["classes"] == ["no", "yes"]


def test_the_same_request_gives_the_same_result(workshop: Workshop) -> None:
    frame, asked = with_gaps(table()), {"algorithm": "random_forest", "parameters": {"n_estimators": 5}}
    first, again = workshop.train(frame, **asked), workshop.train(frame, **asked)
    other = workshop.train(frame, split={"seed": 1}, **asked)
    for field in ("measures", "learned", "split"):
        assert first.result[field] == again.result[field]
        assert first.result[field] != other.result[field]


def test_of_very_many_rows_learned_from_some_are_measured(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = workshop.train(table()).result
    monkeypatch.setattr(measuring, "MOST_LEARNED", 40)
    first, again = workshop.train(table()).result, workshop.train(table()).result
    assert first["measures"]["test"] == whole["measures"]["test"]
    assert first["measures"]["train"] != whole["measures"]["train"]
    assert first["measures"] == again["measures"]
    assert any("40 of the" in note for note in first["notes"])


def test_the_positive_class_can_be_chosen(workshop: Workshop) -> None:
    frame = table()
    second = workshop.train(frame, algorithm="naive_bayes").result
    first = workshop.train(frame, algorithm="naive_bayes", positive_class="no").result
    assert first["positive_class"] == "no"
    assert first["measures"]["test"]["recall"] != second["measures"]["test"]["recall"]
    assert first["measures"]["test"]["roc_auc"] == pytest.approx(second["measures"]["test"]["roc_auc"])


def test_a_positive_class_that_does_not_occur(workshop: Workshop) -> None:
    with pytest.raises(errors.BadData, match="'maybe' is no value of the target") as caught:
        workshop.train(table(), algorithm="naive_bayes", positive_class="maybe")
    assert caught.value.flaws[0].pointer == "/positive_class"


def test_a_boolean_target_is_predicted_as_boolean(workshop: Workshop) -> None:
    frame = table().assign(heavy=lambda rows: (rows["size"] > 0).astype(object))
    frame.loc[4, "heavy"] = None
    done = workshop.train(frame[["size", "heavy"]], algorithm="svm", target="heavy", positive_class=False)
    assert done.result["classes"] == [False, True]
    assert done.result["positive_class"] is False
    assert done.result["measures"]["test"]["roc_auc"] > 0.95
    model = skops.io.loads(done.files.outputs["artifact"], trusted=list(TRUSTED))
    assert model.predict(frame[["size"]]).dtype == bool


def test_what_has_no_probabilities_has_no_log_loss(workshop: Workshop) -> None:
    done = workshop.train(table(), algorithm="svm").result
    assert done["measures"]["test"]["log_loss"] is None
    assert "test: log_loss is undefined: the algorithm gives no probabilities" in done["notes"]


def test_a_solver_that_does_not_converge_is_noted(workshop: Workshop) -> None:
    done = workshop.train(table(), algorithm="logistic_regression", parameters={"max_iter": 1})
    assert any("fit: lbfgs failed to converge" in note for note in done.result["notes"])


def test_a_column_without_values_does_no_harm(workshop: Workshop) -> None:
    frame = table()[["size", "colour", "kind"]]
    frame["size"], frame["colour"] = np.nan, None
    frame.loc[0, ["size", "colour"]] = [1.0, "red"]
    assert workshop.train(frame, algorithm="random_forest", parameters={"n_estimators": 2}).result["classes"]


def test_rare_categories_share_a_column(workshop: Workshop) -> None:
    frame = table()[["kind"]].assign(colour=[f"colour {number % 180}" for number in range(200)])
    learned = workshop.train(frame, algorithm="decision_tree").result["learned"]
    assert learned["importances"]["total"] == 50


@pytest.mark.parametrize(
    ("change", "asked", "said"),
    [
        ({"size": np.inf}, {"algorithm": "svm"}, "column 'size' has infinite values"),
        (
            {"weight": lambda rows: -rows["size"].abs()},
            {"algorithm": "decision_tree", "target": "weight", "parameters": {"criterion": "poisson"}},
            "decision_tree cannot learn from these rows: .*negative",
        ),
    ],
)
def test_data_that_cannot_be_learned_from(
    workshop: Workshop, change: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(errors.BadData, match=said):
        workshop.train(table().assign(**change), **asked)


def test_a_class_with_a_single_row_is_noted(workshop: Workshop) -> None:
    frame = table(8)[["size"]].assign(kind=["a"] * 7 + ["b"])
    result = workshop.train(frame, algorithm="naive_bayes", split={"seed": 0}).result
    assert result["split"]["stratified"] is True
    assert "learned from and not held out, because its class has a single row: 'b'" in result["notes"]
    assert result["measures"]["test"]["recall"] is None
    assert "test: recall is undefined: no row is of class 'b'" in result["notes"]


def test_rows_of_one_class_only(workshop: Workshop) -> None:
    frame = table(8)[["size"]].assign(kind=["a"] * 7 + ["b"])
    with pytest.raises(errors.BadData, match="are all of one class"):
        workshop.train(frame, algorithm="naive_bayes", split={"seed": 1, "stratify": False})


def test_threads_are_limited_while_it_computes(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        MemoryFiles, "progress", lambda *told: seen.extend(pool["num_threads"] for pool in threadpool_info())
    )
    workshop.train(table(), algorithm="logistic_regression")
    assert seen
    assert set(seen) == {1}


def test_threads_reach_the_estimator() -> None:
    forest = algorithms()["random_forest"]
    assert forest.build("classification", {}, 3).n_jobs == 3


@pytest.mark.parametrize(
    ("target", "labels"), [("kind", ["yes"]), ("sort", ["a vs b", "a vs c", "b vs c"]), ("weight", None)]
)
def test_coefficients_of_a_linear_machine(workshop: Workshop, target: str, labels: list[str] | None) -> None:
    frame = table()[["size", "colour", target]]
    done = workshop.train(frame, algorithm="svm", target=target, parameters={"kernel": "linear"})
    found = done.result["learned"]["coefficients"]
    assert found.get("labels") == labels
    assert found["shown"][0]["feature"] == "size"
    assert all(item["values"][0] is not None for item in found["shown"])
    if target != "sort":
        assert found["shown"][0]["values"][0] > 0, "larger size, larger weight and rather yes"


def test_a_result_of_many_features_and_classes_stays_small(workshop: Workshop) -> None:
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.normal(size=(200, 300)), columns=[f"column number {i}" for i in range(300)])
    wide["kind"] = [f"kind {number % 40}" for number in range(200)]
    types = dict.fromkeys(wide, "number") | {"kind": "category"}
    for algorithm in ("logistic_regression", "naive_bayes", "decision_tree"):
        learned = workshop.train(wide, types, algorithm=algorithm).result["learned"]
        assert len(json.dumps(learned)) < 20_000


def test_versions_and_usage_are_told(workshop: Workshop) -> None:
    result = workshop.train(table(), algorithm="naive_bayes").result
    assert set(result["versions"]) == {"python", "scikit-learn", "numpy", "pandas", "skops"}
    assert 0 < result["usage"]["fit_seconds"] < 10


def test_a_failed_fit_writes_no_artifact(workshop: Workshop) -> None:
    done = workshop.train(table(), algorithm="naive_bayes")
    files = MemoryFiles(done.files.dataset)
    with pytest.raises(errors.BadData):
        train.run({**done.request, "positive_class": "maybe"}, files)
    assert files.outputs == {}


def test_features_like_identifiers_are_named(workshop: Workshop) -> None:
    frame = table()
    frame["id"] = np.arange(len(frame)) * 3
    frame["row"] = [f"row {number}" for number in range(len(frame))]
    types = {**TYPES, "id": "integer", "row": "category"}
    done = workshop.train(frame, algorithm="decision_tree", target="kind", types=types)
    said = [note for note in done.result["notes"] if "identifier" in note]
    assert said == [
        "learned from, though different in every row like an identifier: id, row;"
        " exclude what tells nothing of new rows"
    ]
    done = workshop.train(frame, algorithm="decision_tree", target="kind", types=types, exclude=["id", "row"])
    assert not any("identifier" in note for note in done.result["notes"])
