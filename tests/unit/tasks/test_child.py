"""Training and evaluation in real children of the fork server, on a table that was uploaded as CSV."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np

from common.adapters.task_runner.process import ProcessTaskRunner
from common.learning.evaluation_request import complete_evaluation
from common.learning.request import complete_training
from common.ports.task_runner import OutcomeKind, SealedInput, TaskSpec
from common.records.frames import open_bytes
from tests.task_runs import Told, run
from tests.unit.learning.requests import evaluation, training
from tests.unit.learning.table_files import parsed

TRAIN, EVALUATE = "training_service.tasks.train:run", "evaluation_service.tasks.evaluate:run"


def uploaded(folder: Path) -> dict[str, Any]:
    """A CSV file with gaps, read as the catalogue reads it; its dataset version."""
    random = np.random.default_rng(0)
    lines = ["length,mass,island,adult,species"]
    for number in range(120):
        second = number % 2 == 1
        length = "" if number % 11 == 0 else f"{random.normal(40 + 6 * second, 1):.2f}"
        mass = "NA" if number % 13 == 0 else str(3000 + 500 * second + number)
        adult = "" if number % 17 == 0 else ("true" if number % 3 else "false")
        lines.append(
            f"{length},{mass},{'' if number % 19 == 0 else 'Dream'},{adult},{'Gentoo' if second else 'Adelie'}"
        )
    result = parsed(folder, "\n".join([*lines, "40.1,3000,Dream,true,"]))["metadata"]
    return {"id": "ds_1", "name": "penguins", "version": 1, "digest": "ab", **result}


def spec(function: str, request: dict[str, Any], table: Path, **more: Any) -> TaskSpec:
    given = {"id": secrets.token_hex(4), "key": secrets.token_bytes(32), "inputs": {"dataset": table}, **more}
    return TaskSpec(function=function, request={**request, "threads": 1}, **given)


async def test_from_an_uploaded_file_to_an_evaluated_model(tmp_path: Path) -> None:
    dataset = uploaded(tmp_path)
    types = {column["name"]: column["type"] for column in dataset["columns"]}
    assert types == {
        "length": "number", "mass": "integer", "island": "category", "adult": "boolean", "species": "category",
    }  # fmt: skip
    completed, flaws = complete_training(training(algorithm="decision_tree"), dataset)
    assert flaws == []
    preload = [name.partition(":")[0] for name in (TRAIN, EVALUATE)]
    async with ProcessTaskRunner(tmp_path / "work", functions=[TRAIN, EVALUATE], preload=preload) as runner:
        told = Told()
        first = spec(TRAIN, completed, tmp_path / "table", sealed_outputs={"artifact": "blob/1"})
        async with await run(runner, first, told) as outcome:
            assert outcome.kind is OutcomeKind.succeeded, outcome.problem
            assert outcome.result is not None
            trained = outcome.result
            artifact = outcome.outputs["artifact"].rename(tmp_path / "artifact")
        with artifact.open("rb") as source:
            assert len(open_bytes(source, first.key, "blob/1")) == trained["artifact"]["size"]
        model = {"request": completed, "result": trained}
        asked, flaws = complete_evaluation(evaluation(), model, None)
        assert flaws == []
        sealed = {"artifact": SealedInput(artifact, first.key, "blob/1")}
        second = spec(EVALUATE, {**asked, "training": model}, tmp_path / "table", sealed_inputs=sealed)
        async with await run(runner, second) as outcome:
            assert outcome.kind is OutcomeKind.succeeded, outcome.problem
            assert outcome.result is not None
            assert outcome.result["measures"] == trained["measures"]["test"]
    assert [one.step for one in told.progress if one.fraction != 1.0] == ["read", "split", "fit", "measure", "save"]
    assert trained["split"] | {"digest": ""} == {
        "digest": "", "train_rows": 90, "test_rows": 30, "dropped_rows": 1, "stratified": True,
    }  # fmt: skip
    assert trained["measures"]["test"]["f1"] > 0.9
    assert told.output == b""
