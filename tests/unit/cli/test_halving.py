"""Successive halving: who goes on, with how many rows, and what ends it early."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cli import failures, halving
from cli.invocation import Invocation, Options
from common.contracts.jobs import Job, JobState


@dataclass
class FakeJob:
    """A training that is as good as its C, better with more rows; of C = 13 it fails."""

    number: int
    parameters: dict[str, Any]
    rows: int | None
    slow: bool = False
    state: JobState = JobState.queued

    @property
    def id(self) -> str:
        return f"trn_{self.number:032x}"

    async def wait(self) -> None:
        if self.slow and self.state is JobState.queued:
            raise TimeoutError  # the budget's
        if self.state is JobState.queued:
            self.state = JobState.failed if self.parameters["C"] == 13 else JobState.succeeded

    async def cancel(self) -> None:
        self.state = JobState.cancelled

    @property
    def record(self) -> Job:
        good = self.state is JobState.succeeded
        measures = {"train": {}, "test": {"accuracy": self.parameters["C"] / 100}}
        result = {"measures": measures, "directions": {"accuracy": "higher"}}
        told = {"id": self.id, "kind": "training", "state": self.state, "session": "ses", "algorithm": "svm"}
        more = {"trace_id": "t", "created": "c", "request": {"task": "classification", "parameters": self.parameters}}
        return Job.model_validate({**told, **more, "result": result if good else None})


@dataclass
class Submitted:
    """Takes trials, and remembers how many had how many rows."""

    asked: list[tuple[list[Any], int | None]] = field(default_factory=list)
    made: int = 0

    async def __call__(
        self, trials: list[halving.Trial], rows: int | None
    ) -> tuple[list[Any], Mapping[str, Exception]]:
        self.asked.append(([parameters["C"] for _, parameters in trials], rows))
        jobs = [FakeJob(self.made + at, parameters, rows) for at, (_, parameters) in enumerate(trials)]
        self.made += len(jobs)
        return jobs, {}


def trials(*values: int) -> list[halving.Trial]:
    return [("svm", {"C": value}) for value in values]


@pytest.fixture
def run() -> Invocation:
    return Invocation(Options(as_json=True))


async def test_the_best_third_of_each_rung_goes_on(run: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    submitted = Submitted()
    told = trials(1, 13, 5, 9, 2, 8, 3, 7, 4)
    code = await halving.search(run, submitted, told, 900, by="accuracy", budget=None, required=None)
    assert code == 0
    assert submitted.asked == [([1, 13, 5, 9, 2, 8, 3, 7, 4], 100), ([9, 8, 7], 300), ([9], None)]
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["items"][0]["request"]["parameters"] == {"C": 9}
    assert [(rung["rows"], len(rung["trials"])) for rung in document["rungs"]] == [(100, 9), (300, 3), (900, 1)]
    assert "rung 2 of 3: 3 trials learn from 300 rows" in err


async def test_few_rows_are_one_rung(run: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    submitted = Submitted()
    assert await halving.search(run, submitted, trials(1, 2, 3, 4), 99, by="accuracy", budget=None, required=None) == 0
    assert submitted.asked == [([1, 2, 3, 4], None)]
    assert "too few for rungs" in capsys.readouterr().err


async def test_a_rung_of_failures_is_the_last(run: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    submitted = Submitted()
    code = await halving.search(run, submitted, trials(13, 13, 13, 13), 900, by="accuracy", budget=9, required=None)
    assert (code, len(submitted.asked)) == (failures.JOB_FAILED, 1)
    assert len(json.loads(capsys.readouterr().out)["rungs"]) == 1


async def test_no_training_at_all_is_refused(run: Invocation) -> None:
    async def refusing(trials: Any, rows: Any) -> tuple[list[Any], Mapping[str, Exception]]:
        return [], {"svm": ValueError("no")}

    assert await halving.search(run, refusing, trials(1), 900, by=None, budget=None, required=None) == failures.REFUSED
