"""Multilayer perceptron, for classification and regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Integers, Number, Option, seed


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    layers = tuple(parameters["hidden_layer_sizes"])
    return (MLPClassifier if task == CLASSIFICATION else MLPRegressor)(**{**parameters, "hidden_layer_sizes": layers})


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {
        "layers": [int(layer.shape[0]) for layer in estimator.coefs_] + [int(estimator.n_outputs_)],
        "weights": int(sum(part.size for part in (*estimator.coefs_, *estimator.intercepts_))),
        "n_iter": int(estimator.n_iter_),
        "loss": learned.figures([estimator.loss_])[0],
    }


_COMMON = (
    Hyperparameter("hidden_layer_sizes", (Integers(1, 10_000, 20),), [100], "Neurons in each hidden layer."),
    Hyperparameter(
        "activation", (Option(("relu", "tanh", "logistic", "identity")),), "relu", "Function of the hidden neurons."
    ),
    Hyperparameter(
        "solver", (Option(("adam", "sgd", "lbfgs")),), "adam", "Optimisation method; lbfgs suits small datasets."
    ),
    Hyperparameter("alpha", (Number(0),), 1e-4, "Strength of the L2 penalty."),
    Hyperparameter("learning_rate_init", (Number(above=0),), 1e-3, "Step of adam and sgd."),
    Hyperparameter("max_iter", (Integer(1, 1_000_000),), 300, "Most passes over the rows."),
    Hyperparameter("tol", (Number(0),), 1e-4, "What counts as improvement of the loss."),
    Hyperparameter("n_iter_no_change", (Integer(1),), 10, "Passes without improvement after which it stops."),
    Hyperparameter(
        "early_stopping", (Boolean(),), False, "Whether improvement is judged on a tenth of the rows kept aside."
    ),
    seed(),
)

ENTRY = AlgorithmEntry(
    name="multilayer_perceptron",
    title="Multilayer perceptron",
    description="A feed-forward neural network. Takes any shape given enough rows; needs patience, and its weights"
    " cannot be read.",
    parameters={CLASSIFICATION: _COMMON, REGRESSION: _COMMON},
    build=_build,
    learned=_learned,
)
