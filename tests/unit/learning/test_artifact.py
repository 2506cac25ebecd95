"""Model files: opened only if they are what was recorded, and hold nothing unknown."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from common import errors
from common.learning import artifact

X, Y = np.arange(12.0).reshape(-1, 1), np.array(["a", "b"] * 6, dtype=object)


@pytest.mark.parametrize("estimator", [SVC(), DecisionTreeClassifier()])
def test_there_and_back(estimator: Any) -> None:
    fitted = estimator.fit(X, Y)
    data = artifact.dump(fitted)
    described = artifact.describe(data)
    assert described["size"] == len(data)
    assert list(artifact.load(data, described["digest"]).predict(X)) == list(fitted.predict(X))


def test_an_archive_is_what_skops_writes() -> None:
    fitted = DecisionTreeClassifier().fit(X, Y)
    ours, theirs = (zipfile.ZipFile(io.BytesIO(data)) for data in (artifact.dump(fitted), skops.io.dumps(fitted)))
    assert len(ours.namelist()) == len(theirs.namelist())

    def shape(value: Any) -> Any:
        """Without what names an object of this moment."""
        if isinstance(value, list):
            return [shape(one) for one in value]
        if isinstance(value, dict):
            return {name: shape(one) for name, one in value.items() if name not in ("__id__", "file")}
        return value

    schemas = [json.loads(archive.read("schema.json")) for archive in (ours, theirs)]
    assert shape(schemas[0]) == shape(schemas[1])


def test_other_bytes_are_refused() -> None:
    data = artifact.dump(SVC())
    with pytest.raises(errors.IntegrityError, match="instead of sha256:0"):
        artifact.load(data, "sha256:0")


class Canary:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = pickle.dumps(Canary(canary))
    with pytest.raises(errors.Invalid, match="no skops archive"):
        artifact.load(data, artifact.digest(data))
    assert not canary.exists()


@pytest.mark.parametrize("content", [{}, {"schema.json": b"[]"}, {"schema.json": b"{"}, {"schema.json": b"{}"}])
def test_an_archive_of_something_else(content: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with pytest.raises(errors.Invalid, match="no skops archive"):
        artifact.load(buffer.getvalue(), artifact.digest(buffer.getvalue()))


def own_function(values: Any) -> Any:
    raise AssertionError("nothing of an untrusted model may run")


def test_unknown_types_are_named() -> None:
    data = skops.io.dumps(FunctionTransformer(own_function))
    with pytest.raises(errors.Invalid, match=r"not trusted: .*own_function"):
        artifact.load(data, artifact.digest(data))


def test_the_list_is_short() -> None:
    """It is part of what is promised: whoever adds a type has to change this too."""
    assert len(artifact.TRUSTED) == 18
    assert all(name == "numpy.dtype" or name.startswith("sklearn.") for name in artifact.TRUSTED)
