"""The baseline: what can be had without looking at a single feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Hyperparameter, Option, seed


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return (DummyClassifier if task == CLASSIFICATION else DummyRegressor)(**parameters)


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    if hasattr(estimator, "class_prior_"):
        return {"class_priors": learned.figures(estimator.class_prior_[: learned.MOST_ROWS])}
    return {"constant": learned.figures(estimator.constant_.ravel())[0]}


ENTRY = AlgorithmEntry(
    name="baseline",
    title="Baseline",
    description="Predicts the most frequent class, or the mean, whatever the features are. A model that is not better"
    " has learned nothing.",
    parameters={
        CLASSIFICATION: (
            Hyperparameter(
                "strategy",
                (Option(("prior", "most_frequent", "stratified", "uniform")),),
                "prior",
                "The most frequent class (prior: with the shares as probabilities), or a class at random by share, or"
                " any at random.",
            ),
            seed(),
        ),
        REGRESSION: (Hyperparameter("strategy", (Option(("mean", "median")),), "mean", "What is predicted always."),),
    },
    build=_build,
    learned=_learned,
)
