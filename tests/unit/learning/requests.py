"""A dataset version as the catalogue describes it, and requests for it, as the services hand them over."""

from __future__ import annotations

from typing import Any

from common.contracts.jobs import EvaluationRequest, TrainingRequest


def column(name: str, kind: str, distinct: int, missing: int = 0) -> dict[str, Any]:
    return {"name": name, "type": kind, "missing": missing, "distinct": distinct}


def dataset(*columns: dict[str, Any], rows: int = 344) -> dict[str, Any]:
    chosen = columns or (
        column("species", "category", 3),
        column("island", "category", 3),
        column("bill_length_mm", "number", 164, 2),
        column("body_mass_g", "integer", 94, 2),
        column("sex", "category", 2, 11),
        column("adult", "boolean", 2),
        column("seen", "datetime", 300),
        column("comment", "text", 340),
        column("eggs", "integer", 3),
    )
    identity = {"id": "ds_1", "name": "penguins", "version": 1, "digest": "sha256:ab"}
    return {**identity, "rows": rows, "columns": list(chosen)}


def training(**fields: Any) -> dict[str, Any]:
    asked = {"session": "s", "dataset": "penguins", "algorithm": "logistic_regression", "target": "species", **fields}
    return TrainingRequest.model_validate(asked).model_dump(mode="json")


def evaluation(**fields: Any) -> dict[str, Any]:
    return EvaluationRequest.model_validate({"training": "trn_1", **fields}).model_dump(mode="json")
