"""Figure 6: a page of the experiment list in a small and in a large installation, and against bare SQL."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import storage_service.bootstrap
from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import Latency, in_turn
from benchmarks.server import Server, server
from common import ids, times
from common.records.repository import Decision
from common.runtime import open_runtime
from common.settings import Settings
from storage_service.model import COMMITS as COMMIT_LIFE
from storage_service.repository import COMMITS, SUMMARIES

_FEW = 1_000
_TOGETHER = 1_000
_PAGE = {"filter": "measures.accuracy > 0.5", "sort": "-measures.accuracy", "limit": "50"}
_OTHER = {"filter": "algorithm = svm and measures.accuracy > 0.9", "sort": "name", "limit": "50"}
_BARE = """SELECT id, state FROM record_experiment_summaries
    WHERE json_extract(state, '$.algorithm') = 'svm' AND json_extract(state, '$.measures.accuracy') > 0.9
    ORDER BY json_extract(state, '$.name') LIMIT 50"""
_ALGORITHMS = ("logistic_regression", "decision_tree", "random_forest", "svm", "naive_bayes")


def pages(scale: Scale) -> Sequence[Figure]:
    """A page filtered and sorted by the same measure, at two sizes; another filter and sort against bare SQL."""
    with tempfile.TemporaryDirectory(prefix="autolearn-bench-") as name:
        folders = {count: Path(name) / str(count) for count in (_FEW, scale.experiments)}
        for count, folder in folders.items():
            asyncio.run(_fill(folder, count))
        with server(folder=folders[_FEW]) as small, server(folder=folders[scale.experiments]) as large:
            each = scale.repetitions
            taken = in_turn(lambda: _page(large, _PAGE), lambda: _page(small, _PAGE), rounds=scale.rounds, each=each)
            other = in_turn(lambda: _page(large, _OTHER), lambda: _bare(large), rounds=scale.rounds, each=each)
    return [
        at_most(
            f"6 page of 50 by a measure, {scale.experiments} experiments against {_FEW}",
            str(Latency(taken.ours)),
            str(Latency(taken.floor)),
            taken.ratios(),
            1.5,
        ),
        at_most(
            f"6 another filter and sort of {scale.experiments} against bare SQL",
            str(Latency(other.ours)),
            str(Latency(other.floor)),
            other.ratios(),
            10,
        ),
    ]


def _page(one: Server, query: dict[str, str]) -> float:
    began = time.perf_counter()
    found = one.json("GET", "/v1/experiments", params=query)["items"]
    seconds = time.perf_counter() - began
    if len(found) != 50:
        raise RuntimeError(f"{len(found)} experiments instead of 50 for {query}")
    return seconds


def _bare(one: Server) -> float:
    connection = sqlite3.connect(f"file:{one.folder / 'records.db'}?mode=ro", uri=True)
    try:
        began = time.perf_counter()
        connection.execute(_BARE).fetchall()
        return time.perf_counter() - began
    finally:
        connection.close()


async def _fill(folder: Path, count: int) -> None:
    """Summaries of one sealed commit, as many as would take weeks to train."""
    choose = random.Random(count)
    async with open_runtime(Settings(data=folder)) as runtime:
        storage_service.bootstrap.build(runtime)
        await runtime.start()
        commits = next(one for one in runtime.collections if one.name == COMMITS.name)
        repository = runtime.repository(commits, source="storage", lifecycle=COMMIT_LIFE)
        opened = {"session": "ses_figures", "expected": count, "committed": times.now()}
        commit = await repository.create(ids.new_id("cmt"), "commit.opened", opened)
        await repository.append(commit, Decision("commit.sealed"))
        for start in range(0, count, _TOGETHER):
            await asyncio.gather(
                *(
                    runtime.store.put_view(SUMMARIES.name, ids.new_id("exp"), _summary(commit.id, number, choose))
                    for number in range(start, min(start + _TOGETHER, count))
                )
            )


def _summary(commit: str, number: int, choose: random.Random) -> dict[str, Any]:
    algorithm = _ALGORITHMS[number % len(_ALGORITHMS)]
    measures = {name: choose.random() for name in ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss")}
    return {
        "name": f"iris-{algorithm}-{number:08d}",
        "tags": ["figures"],
        "dataset": "iris@1",
        "dataset_digest": "sha256:" + "0" * 64,
        "target": "species",
        "task": "classification",
        "algorithm": algorithm,
        "created": times.now(),
        "committed": times.now(),
        "session": "ses_figures",
        "training": ids.new_id("trn"),
        "commit": commit,
        "seconds": choose.random(),
        "parameters": {"C": 1.0},
        "measures": measures,
        "version": 1,
    }
