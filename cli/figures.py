"""Results as tables: measures of several jobs side by side, confusion matrices, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.render import Output, short, text

if TYPE_CHECKING:
    from common.contracts.jobs import Job
    from common.contracts.sessions import Comparison

# For these, less is better; of all others more is (scikit-learn's own convention for names without `neg_`).
_LOWER = ("log_loss", "mae", "mse", "rmse", "brier", "error", "deviance", "mape")


def measures(job: Job) -> dict[str, Any]:
    """The measures that people mean: of a training those on its held-out rows, of an evaluation all."""
    found = (job.result or {}).get("measures") or {}
    held_out = found.get("test") if job.kind == "training" else found
    return dict(held_out) if isinstance(held_out, Mapping) else {}


def side_by_side(out: Output, jobs: Sequence[Job], title: str | None = None) -> None:
    """One row a job, one column a measure; the best of each measure stands out."""
    found = [measures(job) for job in jobs]
    names = list(dict.fromkeys(name for each in found for name in each))
    strong = [(best, at + 3) for at, name in enumerate(names) if (best := _best(found, name)) is not None]
    out.table(
        ["job", "algorithm", "state", *names, "seconds"],
        [
            [short(job.id), job.algorithm, str(job.state), *(each.get(name) for name in names), seconds(job)]
            for job, each in zip(jobs, found, strict=True)
        ],
        title=title,
        strong=strong,
    )


def confusion(out: Output, result: Mapping[str, Any], title: str) -> None:
    """The confusion matrix of a result, if it has one: actual classes are rows, predicted ones columns."""
    matrix = result.get("confusion_matrix")
    if not matrix:
        return
    labels = [text(label) for label in matrix["labels"]]
    out.table(
        ["actual \\ predicted", *labels],
        [[label, *counts] for label, counts in zip(labels, matrix["counts"], strict=True)],
        title=title,
        strong=[(at, at + 1) for at in range(len(labels))],
    )


def per_class(out: Output, result: Mapping[str, Any]) -> None:
    """The per-class report of a result, if it has one."""
    report = result.get("per_class")
    rows: list[Mapping[str, Any]] = []
    if isinstance(report, Mapping):
        rows = [{"class": label, **figures} for label, figures in report.items()]
    elif isinstance(report, Sequence):
        rows = [row for row in report if isinstance(row, Mapping)]
    if rows:
        names = list(dict.fromkeys(name for row in rows for name in row))
        out.table(names, [[row.get(name) for name in names] for row in rows], title="Per class")


def comparison(out: Output, compared: Comparison) -> None:
    """Things side by side: a row a field, a column a thing; fields in which they differ stand out."""
    rows = compared.rows
    out.table(
        ["field", *(short(each) or "" for each in compared.ids)],
        [[_field(row), *row.get("values", ())] for row in rows],
        strong=[(at, 0) for at, row in enumerate(rows) if row.get("differs")],
    )


def seconds(job: Job) -> float | None:
    """How long the job took, as its child measured it."""
    took = ((job.result or {}).get("usage") or {}).get("seconds")
    return float(took) if isinstance(took, (int, float)) else None


def _field(row: Mapping[str, Any]) -> str:
    return str(row.get("field") or row.get("name") or "")


def _best(found: Iterable[Mapping[str, Any]], name: str) -> int | None:
    """Which of several has the best value; None if fewer than two have one."""
    values = [(at, each[name]) for at, each in enumerate(found) if isinstance(each.get(name), (int, float))]
    if len(values) < 2:
        return None
    sign = -1 if any(part in name for part in _LOWER) else 1
    return max(values, key=lambda pair: sign * pair[1])[0]
