"""The carried-in datasets pass through the ordinary reading with good names and types."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn import datasets

from catalog_service.tasks import builtin
from common import errors
from tests.unit.learning.table_files import Folder, kinds, parsed

CARRIED_IN = {
    "iris": (150, 5, "species", "category"),
    "wine": (178, 14, "cultivar", "category"),
    "breast_cancer": (569, 31, "diagnosis", "category"),
    "digits": (1797, 65, "digit", "integer"),
    "diabetes": (442, 11, "progression", "integer"),
}


@pytest.mark.parametrize("name", CARRIED_IN)
def test_carried_in(tmp_path: Path, name: str) -> None:
    rows, width, target, kind = CARRIED_IN[name]
    builtin.run({"name": name}, Folder(tmp_path))  # type: ignore[arg-type]
    result = parsed(tmp_path, tmp_path / "upload")
    types = kinds(result)
    assert (result["metadata"]["rows"], len(types)) == (rows, width)
    assert list(types.items())[-1] == (target, kind)
    assert all(name.isidentifier() and name.isascii() for name in types)
    assert set(types.values()) <= {"number", "integer", "category"}
    assert result["metadata"]["notes"] == []


def test_values_are_scikit_learns(tmp_path: Path) -> None:
    builtin.run({"name": "iris"}, Folder(tmp_path))  # type: ignore[arg-type]
    rows = parsed(tmp_path, tmp_path / "upload")["preview"]["rows"]
    iris = datasets.load_iris()
    assert [row[:4] for row in rows] == iris.data[:50].tolist()
    assert {row[4] for row in rows} == {"setosa"}


def test_unknown(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound, match="there are iris, wine"):
        builtin.run({"name": "titanic"}, Folder(tmp_path))  # type: ignore[arg-type]
