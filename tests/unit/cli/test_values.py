"""What people type as values."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from cli import render, values


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("l2", "l2"),
        ('"3"', "3"),
        ("[1,2]", [1, 2]),
        ("NaN", "NaN"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_a_value_is_json_or_text(told: str, meant: Any) -> None:
    assert values.value(told) == meant and type(values.value(told)) is type(meant)


def test_parameters_are_for_all_or_for_one_algorithm() -> None:
    told = ["svm.C=0.5", "C=2", "sklearn.svm.NuSVC.nu=0.1", "class_weight=balanced"]
    assert values.parameters(told, ["svm", "logistic_regression", "sklearn.svm.NuSVC"]) == {
        "svm": {"C": 0.5, "class_weight": "balanced"},
        "logistic_regression": {"C": 2, "class_weight": "balanced"},
        "sklearn.svm.NuSVC": {"C": 2, "class_weight": "balanced", "nu": 0.1},
    }


def test_types_of_columns() -> None:
    assert values.types(["a=b=text", "c=number"]) == {"a=b": "text", "c": "number"}
    for wrong in ("x", "=text", "x="):
        with pytest.raises(typer.BadParameter):
            values.types([wrong])


def test_names() -> None:
    assert values.names(["a, b", "c", '["d,e", "f"]', "[g"]) == ["a", "b", "c", "d,e", "f", "[g"]


@pytest.mark.parametrize(("told", "seconds"), [("90", 90), ("1.5m", 90), ("2h", 7200), ("30d", 2_592_000)])
def test_durations(told: str, seconds: int) -> None:
    assert values.duration(told) == seconds


@pytest.mark.parametrize("told", ["", "0", "x", "-1h", "3y", "1h30m"])
def test_what_is_no_duration(told: str) -> None:
    with pytest.raises(typer.BadParameter):
        values.duration(told)


@pytest.mark.parametrize(
    ("told", "count"), [("1500000", 1_500_000), ("512M", 2**29), ("2GiB", 2**31), ("1.5k", 1536), ("10b", 10)]
)
def test_sizes(told: str, count: int) -> None:
    assert values.size(told) == count
    with pytest.raises(typer.BadParameter):
        values.size(f"{told}?")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (0.123456, "0.1235"),
        (12345678.9, "1.23457e+07"),
        ([], "-"),
        (["a", 1], "a, 1"),
        ({"a": None}, "a=-"),
        ("x\ty", "x\\ty"),
    ],
)
def test_cells(value: Any, shown: str) -> None:
    assert render.text(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 2**30, "5.0 GiB"), (2**60, "1048576 TiB")],
)
def test_sizes_for_people(count: int, shown: str) -> None:
    assert render.size(count) == shown


def test_a_table_too_wide_is_continued_under_its_first_column() -> None:
    assert render.blocks([8, 19, 9], 80) == [[0, 1, 2]]
    assert render.blocks([8, 19, 9, 20, 17, 9], 80) == [[0, 1, 2, 3], [0, 4, 5]]
    assert render.blocks([8, 19, 9, 31], 80) == [[0, 1, 2, 3]]
    assert render.blocks([8, 19, 9, 32], 80) == [[0, 1, 2], [0, 3]]  # the rules on both sides take one each
    assert render.blocks([8, 200], 80) == [[0, 1]]  # long texts fold
    assert render.blocks([90, 90, 90], 80) == [[0, 1], [0, 2]]


def test_preparations() -> None:
    told = [
        "age=mean,robust",
        "a=b=one_hot,max_categories:9",
        "size=ordinal,categories:low|2",
        "id=ignore",
        "x=constant:0",
    ]
    assert values.preparations([*told, "age=none"]) == {
        "age": {"impute": "mean", "scale": "none"},
        "a=b": {"encode": "one_hot", "max_categories": 9},
        "size": {"encode": "ordinal", "categories": ["low", 2]},
        "id": {"ignore": True},
        "x": {"impute": "constant", "fill_value": 0},
    }
    for wrong in ("age", "=mean", "age=", "age=avg", "age=mean:3", "age=weight:1", "age=ignore:1"):
        with pytest.raises(typer.BadParameter, match="--prepare"):
            values.preparations([wrong])
