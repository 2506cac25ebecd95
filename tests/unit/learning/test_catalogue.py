"""The catalogue: what it shows is what trainings accept and what scikit-learn takes."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest
from sklearn.pipeline import Pipeline

from common import errors
from common.learning import catalogue, registry
from common.learning.algorithms import svm
from common.learning.hyperparameters import DRAFT, Boolean, Integer, Nothing, Number, Option, complete

HEAVY = ("sklearn", "numpy", "pandas", "pyarrow", "scipy", "skops")


def test_the_catalogue_needs_no_scientific_library() -> None:
    program = (
        "import sys; from common.learning import catalogue, request; catalogue.algorithms(); catalogue.measures();"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_algorithms_of_the_first_version() -> None:
    tasks = {entry.name: tuple(entry.tasks) for entry in catalogue.algorithms()}
    both = ("classification", "regression")
    assert tasks == {
        **dict.fromkeys(("decision_tree", "random_forest", "extra_trees", "hist_gradient_boosting", "baseline"), both),
        **dict.fromkeys(("svm", "linear_svm", "k_nearest_neighbors", "multilayer_perceptron"), both),
        **dict.fromkeys(("logistic_regression", "naive_bayes"), ("classification",)),
        **dict.fromkeys(("multinomial_naive_bayes", "complement_naive_bayes"), ("classification",)),
        **dict.fromkeys(("linear_regression", "ridge", "lasso", "elastic_net"), ("regression",)),
        **dict.fromkeys(("k_means", "dbscan", "gaussian_mixture"), ("clustering",)),
        "isolation_forest": ("anomaly",),
    }


CASES = [(entry, task) for entry in registry.algorithms().values() for task in entry.tasks]


@pytest.mark.parametrize(("entry", "task"), CASES, ids=lambda case: getattr(case, "name", case))
def test_the_estimator_takes_every_default(entry: Any, task: str) -> None:
    values, flaws = complete(entry.parameters[task], {}, 5)
    assert flaws == []
    estimator = entry.build(task, values, 1)
    estimator = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    assert set(values) <= set(estimator.get_params())
    estimator._validate_params()  # scikit-learn's own check of hyper-parameters, without a fit
    expected = -1 if entry is svm.ENTRY else None
    for name, value in values.items():
        taken = estimator.get_params()[name]
        wanted = expected if value is None and name == "max_iter" else value
        assert (list(taken) if isinstance(taken, tuple) else taken) == wanted


@pytest.mark.parametrize(("entry", "task"), CASES, ids=lambda case: getattr(case, "name", case))
def test_the_schema_describes_every_hyperparameter(entry: Any, task: str) -> None:
    schema = catalogue.algorithm(entry.name).parameters[task]
    assert schema["$schema"] == DRAFT
    assert schema["additionalProperties"] is False
    for parameter in entry.parameters[task]:
        shown = schema["properties"][parameter.name]
        assert shown["description"].endswith(".")
        assert shown["default"] == parameter.default
        assert parameter.flaw(parameter.default) is None


@pytest.mark.parametrize(
    ("kind", "inside", "outside", "schema"),
    [
        (Integer(1, 9), [1, 9], [0, 10, 1.0, True, "1"], {"type": "integer", "minimum": 1, "maximum": 9}),
        (Integer(2), [2, 2**31 - 1], [1, 2**31], {"type": "integer", "minimum": 2, "maximum": 2**31 - 1}),
        (Number(0, 1), [0, 1, 0.5], [-0.1, 1.1, False], {"type": "number", "minimum": 0, "maximum": 1}),
        (
            Number(above=0, below=1),
            [0.5],
            [0, 1, float("nan")],
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        ),
        (Number(), [-1e300, 10**300], [float("inf"), None, 10**400], {"type": "number"}),
        (Option(("a", "b")), ["a"], ["c", None, ["a"]], {"type": "string", "enum": ["a", "b"]}),
        (Boolean(), [True, False], [0, "true"], {"type": "boolean"}),
        (Nothing(), [None], [0, ""], {"type": "null"}),
    ],
)
def test_kinds_admit_what_their_schema_says(
    kind: Any, inside: list[Any], outside: list[Any], schema: dict[str, Any]
) -> None:
    assert all(kind.admits(value) for value in inside)
    assert not any(kind.admits(value) for value in outside)
    assert kind.schema() == schema
    assert kind.text()


def test_unknown_names_are_answered_with_near_ones() -> None:
    with pytest.raises(errors.NotFound, match="random_forest") as caught:
        catalogue.algorithm("random_forrest")
    assert caught.value.extra["suggestions"] == ["random_forest"]
    with pytest.raises(errors.NotFound, match="there are: accuracy"):
        catalogue.measure("xyz")
    assert catalogue.measure("rmse").direction == "lower"


def test_measures_say_what_they_are() -> None:
    for entry in catalogue.measures():
        assert entry.direction in ("higher", "lower")
        assert entry.definition.endswith(".")
        assert entry.tasks
        assert len(entry.range) == 2


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes entry points of installed packages; the registry forgets them afterwards."""

    def install(loaded: Any) -> None:
        point = SimpleNamespace(name="mine", load=lambda: loaded)
        monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
        registry.algorithms.cache_clear()

    yield install
    registry.algorithms.cache_clear()


def test_an_installed_package_adds_algorithms(plugin: Any) -> None:
    entry = registry.AlgorithmEntry("mine", "Mine", "My own.", {"regression": ()}, svm.ENTRY.build, svm.ENTRY.learned)
    plugin((entry,))
    assert catalogue.algorithm("mine").title == "Mine"


@pytest.mark.parametrize(("loaded", "said"), [("text", "gives no AlgorithmEntry"), (svm.ENTRY, "exists already")])
def test_a_wrong_entry_point_is_named(plugin: Any, loaded: Any, said: str) -> None:
    plugin(loaded)
    with pytest.raises(errors.Internal, match=f"'mine'.*{said}"):
        registry.algorithms()
