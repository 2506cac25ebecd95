"""The catalogue's tasks in real children: by name, within limits, with problems that a service can answer with."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.adapters.task_runner.process import ProcessTaskRunner
from common.contracts.jobs import Progress
from common.ports.task_runner import Limits, OutcomeKind, TaskOutcome, TaskRunner, TaskSpec
from tests.unit.learning.table_files import DATA


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[TaskRunner]:
    async with ProcessTaskRunner(tmp_path / "work", functions=["catalog_service.tasks."], grace=0.2) as opened:
        yield opened


async def run(
    runner: TaskRunner, function: str, request: dict[str, Any], inputs: dict[str, Path], output: str, **limits: Any
) -> tuple[TaskOutcome, list[Progress]]:
    """The outcome of a task, and what it told."""
    told: list[Progress] = []
    spec = TaskSpec(
        id=f"table-{secrets.token_hex(4)}",
        function=f"catalog_service.tasks.{function}",
        request=request,
        key=secrets.token_bytes(32),
        inputs=inputs,
        plain_outputs=frozenset({output}),
        limits=Limits(**limits),
    )
    return await runner.run(spec, on_progress=told.append, on_output=lambda _: None), told


async def test_upload_export_retype(runner: TaskRunner) -> None:
    parsed, told = await run(runner, "parse:run", {}, {"upload": DATA / "penguins.csv"}, "table")
    async with parsed:
        assert parsed.kind is OutcomeKind.succeeded
        assert parsed.result is not None
        assert set(parsed.outputs) == {"table"}
        assert told[0].step == "reading"
        table = parsed.outputs["table"]
        exported, _ = await run(runner, "convert:export", {"format": "csv"}, {"table": table}, "content")
        async with exported:
            assert exported.outputs["content"].read_text().startswith("species,island,bill_length_mm,")
        request = {"columns": [{"name": "sex", "type": "text"}]}
        retyped, _ = await run(runner, "convert:retype", request, {"table": table}, "table")
        async with retyped:
            assert retyped.result is not None
            assert retyped.result["metadata"]["columns"][-1]["type"] == "text"


async def test_a_carried_in_dataset(runner: TaskRunner) -> None:
    outcome, _ = await run(runner, "builtin:run", {"name": "wine"}, {}, "upload")
    async with outcome:
        assert outcome.outputs["upload"].read_text().startswith("alcohol,malic_acid,")


async def test_a_malformed_file_is_a_problem_with_its_flaw(runner: TaskRunner, tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("a,b\n1,2,3\n")
    outcome, _ = await run(runner, "parse:run", {}, {"upload": tmp_path / "upload"}, "table")
    async with outcome:
        assert outcome.problem is not None
        assert not outcome.problem.retryable
        error = errors.from_problem({**outcome.problem.document(), "status": 500})
    assert isinstance(error, errors.BadData)
    assert [(flaw.pointer, flaw.code) for flaw in error.flaws] == [("/file", "ragged")]
