"""The model card of a record, and what of two results differs."""

from __future__ import annotations

from typing import Any

from autolearn import card
from autolearn.aio import reproduction
from common.contracts.experiments import Experiment

RESULT: dict[str, Any] = {
    "measures": {"train": {"f1": 1.0}, "test": {"f1": 0.5, "precision": None}},
    "directions": {"f1": "higher", "precision": "higher"},
    "averaging": "binary",
    "positive_class": "yes",
    "features": [{"name": "a|b", "type": "number"}],
    "preprocessing": [{"columns": ["a|b"], "type": "number", "impute": "median", "scale": "standard"}],
    "split": {"digest": "sha256:1", "train_rows": 30, "test_rows": 10, "dropped_rows": 2, "stratified": True},
    "versions": {"scikit-learn": "1.9.1"},
    "artifact": {"digest": "sha256:2"},
    "notes": ["test: precision is undefined: no row is predicted as class 'yes'"],
    "predictions": "sha256:3",
    "platform": "Linux x86_64",
}


def experiment(**result: Any) -> Experiment:
    return Experiment(
        id="exp_1", name='a "name"', session="ses_1", training="trn_1", commit="com_1", dataset="d@1", target="kind",
        dataset_digest="sha256:4", task="classification", algorithm="svm", created="c", committed="d", tags=["best"],
        etag="1", request={"parameters": {"C": 1.0, "max_iter": None}, "split": {"seed": 7}}, result=RESULT,
        evaluations=[{"result": {"measures": {"f1": 0.5}, "confidence": {"intervals": {"f1": [0.4, 0.6]}}, **result}}],
    )  # fmt: skip


def test_a_card_says_what_the_record_holds() -> None:
    written = card.markdown(experiment())
    for line in (
        '- name: "a \\"name\\""',
        "| a\\|b | number |",
        "| a\\|b | number | impute median, scale standard |",
        "| C | 1 |",
        "| max_iter | null |",
        "| f1 | higher | 0.5 | 1 |",
        "| precision | higher | undefined | undefined |",
        "| f1 | 0.5 | [0.4, 0.6] |",
        "- test: precision is undefined: no row is predicted as class 'yes'",
    ):
        assert line in written.splitlines()
    assert "Learned from 30 rows; 10 were held out (seed 7, by class); 2 without a target were left out." in written


def test_a_card_as_a_page_has_the_plots_of_its_evaluations() -> None:
    roc = {"false_positive_rate": [0.0, 0.0, 1.0], "true_positive_rate": [0.0, 0.8, 1.0]}
    trade = {"recall": [1.0, 0.0], "precision": [0.5, 1.0]}
    calibration = {"predicted": [0.1, 0.9], "observed": [0.2, 0.8], "rows": [3, 4]}
    page = card.page(
        experiment(
            curves={"roc": roc, "precision_recall": trade, "calibration": calibration},
            confusion_matrix={"labels": ["<no>", "yes"], "counts": [[3, 1], [0, 4]]},
        )
    )
    assert [page.count(f"<{tag}") for tag in ("svg", "figcaption", "polyline", "script")] == [3, 3, 3, 0]
    assert ">&lt;no&gt;</th>" in page
    assert "impute median, scale standard" in page
    several = [{"label": label, "roc": roc, "precision_recall": trade} for label in ("a", "<b>")]
    page = card.page(experiment(curves={"one_vs_rest": several}))
    assert [page.count(f"<{tag}") for tag in ("svg", "polyline")] == [2, 8]  # two lines and their legend in each
    assert "&lt;b&gt;</text>" in page
    bins = {"edges": [-1.0, 0.0, 1.0], "counts": [1, 2]}
    page = card.page(experiment(residuals={"predicted": [1.0, 1.0], "residual": [-1.0, 1.0], "histogram": bins}))
    assert [page.count(f"<{tag}") for tag in ("svg", "circle")] == [2, 2]
    assert "<svg" not in card.page(experiment())


def test_what_differs_is_named() -> None:
    now = {**RESULT, "measures": {"train": {"f1": 1.0}, "test": {"f1": 0.25, "precision": None}}, "predictions": "x"}
    then = reproduction._compared(RESULT)
    assert list(reproduction._differing(then, reproduction._compared(RESULT))) == []
    assert list(reproduction._differing(then, reproduction._compared(now))) == [
        ("measures.test.f1", 0.5, 0.25),
        ("predictions", "sha256:3", "x"),
    ]
