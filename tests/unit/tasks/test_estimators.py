"""Estimators by name: their schemas are what scikit-learn says of them, and those of listed packages join them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from catalog_service.tasks import estimators as task
from common import errors
from common.contracts.catalogue import Algorithm
from common.learning import estimators, packages, schemas
from common.learning.hyperparameters import object_schema
from tests.unit.tasks.task_data import MemoryFiles, Workshop, table

PACKAGE = "tiny_estimators"
SOURCE = '''
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Constant(ClassifierMixin, BaseEstimator):
    """Answers one class.

    Whatever it is asked.
    """

    def __init__(self, which=0):
        self.which = which

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[self.which], X.shape[0])
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package as an administrator would install it, with a module that cannot be imported."""
    folder = tmp_path / "site" / PACKAGE
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from tiny_estimators.constant import Constant")
    (folder / "constant.py").write_text(SOURCE)
    (folder / "broken.py").write_text("import what_is_not_there")
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield PACKAGE
    packages.allow(())


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = task.run({"packages": []}, MemoryFiles(tmp_path_factory.mktemp("none")))
    assert found["unread"] == []
    return {one["name"]: one for one in found["estimators"]}


def test_schemas_of_all_that_can_be_built(known: dict[str, Any]) -> None:
    assert len(known) > 90
    assert known["sklearn.ensemble.BaggingRegressor"]["tasks"] == ["regression"]
    assert known["sklearn.neighbors.LocalOutlierFactor"]["tasks"] == ["anomaly"]
    assert "sklearn.ensemble.VotingClassifier" not in known  # built from others
    for one in known.values():
        Algorithm.model_validate(one)
        for schema in one["parameters"].values():
            assert object_schema(schemas.hyperparameters(schema)) == schema
            assert not set(schema["properties"]) & set(estimators.REFUSED)


CASES = [
    ("sklearn.ensemble.AdaBoostClassifier", "n_estimators", 5, 0),
    ("sklearn.ensemble.AdaBoostClassifier", "learning_rate", 0.5, 0),
    ("sklearn.ensemble.BaggingRegressor", "max_features", 0.5, 1.5),
    ("sklearn.ensemble.BaggingRegressor", "bootstrap", False, "yes"),
    ("sklearn.linear_model.SGDClassifier", "loss", "log_loss", "logloss"),
    ("sklearn.linear_model.SGDClassifier", "random_state", None, -1),
    ("sklearn.neighbors.RadiusNeighborsClassifier", "p", 2, -1.0),
    ("sklearn.gaussian_process.GaussianProcessRegressor", "alpha", 1e-8, "small"),
    ("sklearn.cluster.OPTICS", "max_eps", 2.0, -1.0),
    ("sklearn.cluster.MiniBatchKMeans", "n_init", "auto", "often"),
]


@pytest.mark.parametrize(("name", "parameter", "good", "bad"), CASES)
def test_what_the_schema_takes_scikit_learn_takes(
    known: dict[str, Any], name: str, parameter: str, good: Any, bad: Any
) -> None:
    (kind,) = known[name]["tasks"]
    parameters = schemas.hyperparameters(known[name]["parameters"][kind])
    assert estimators.check(parameters, {parameter: good}) == []
    entry = estimators.entry(name)
    assert entry is not None
    entry.build(kind, {parameter: good}, 1)
    (flaw,) = estimators.check(parameters, {parameter: bad})
    assert flaw.pointer == f"/parameters/{parameter}"
    with pytest.raises((errors.BadData, InvalidParameterError)):
        entry.build(kind, {parameter: bad}, 1)


def test_a_package_that_an_administrator_lists(package: str, tmp_path: Path) -> None:
    found = task.run({"packages": [package]}, MemoryFiles(tmp_path))
    (own,) = [one for one in found["estimators"] if one["name"].startswith(package)]
    assert (own["name"], own["tasks"]) == (f"{package}.Constant", ["classification"])
    assert own["description"] == "Answers one class."
    assert own["parameters"]["classification"]["properties"]["which"]["default"] == 0
    assert [one.partition(":")[0] for one in found["unread"]] == [f"{package}.broken cannot be imported"]


def test_its_estimators_are_trained_and_evaluated(package: str, workshop: Workshop) -> None:
    named = {"algorithm": f"{package}.Constant", "parameters": {"which": 1}, "features": ["size"]}
    with pytest.raises(errors.BadData, match="tiny_estimators has no estimator"):
        workshop.train(table(), **named)  # nobody has listed it
    workshop.packages = [package]
    done = workshop.train(table(), **named)
    assert done.evaluate(["recall"])["measures"] == {"recall": 1.0}
    folds = done.evaluate(["recall"], processes=2, cross_validation={"folds": 2})
    assert np.mean([part["measures"]["recall"] for part in folds["cross_validation"]["parts"]]) == 1.0
