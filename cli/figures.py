"""Results as tables: measures of several jobs side by side, confusion matrices, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.render import Output, short, text
from common.ids import FULL

if TYPE_CHECKING:
    from common.contracts.jobs import Job
    from common.contracts.sessions import Comparison

# Of interest for one thing at a time, or too wide for a table: `--all` shows them.
_ASIDE = ("parameters.", "dataset_digest")
_PER_CLASS = ("class", "label", "precision", "recall", "f1", "support")
_FIRST = ("kind", "algorithm", "training", "dataset", "target", "task")


def measures(job: Job) -> dict[str, Any]:
    """The measures that people mean: of a training those on held-out rows if it has any, of an evaluation all."""
    from common.contracts.jobs import headline

    return headline(job.result or {})


def side_by_side(out: Output, jobs: Sequence[Job], title: str | None = None) -> None:
    """One row a job, one column a measure; the best of each measure stands out."""
    found = [measures(job) for job in jobs]
    names = list(dict.fromkeys(name for each in found for name in each))
    lower = {
        name for job in jobs for name, way in ((job.result or {}).get("directions") or {}).items() if way == "lower"
    }
    strong = [
        (best, at + 3) for at, name in enumerate(names) if (best := _best(found, name, name in lower)) is not None
    ]
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


def intervals(out: Output, result: Mapping[str, Any], title: str) -> None:
    """The bootstrap intervals of a result, if it has any."""
    told = result.get("confidence")
    if told:
        figures = result.get("measures") or {}
        rows = [[name, figures.get(name), *(bounds or (None, None))] for name, bounds in told["intervals"].items()]
        title = f"{title} ({told['level']:.3g}, {told['resamples']} resamples)"
        out.table(["measure", "value", "low", "high"], rows, title=title)


def folds(out: Output, result: Mapping[str, Any], title: str) -> None:
    """The measures of a cross-validation fold by fold, if it is one; the mean of each measure and its spread."""
    told = result.get("cross_validation")
    if told:
        names = list(result.get("measures") or {})
        rows = [[str(at), *(part["measures"].get(name) for name in names)] for at, part in enumerate(told["parts"], 1)]
        rows.append(["mean", *(result["measures"].get(name) for name in names)])
        rows.append(["spread", *(told["spread"].get(name) for name in names)])
        out.table(["fold", *names], rows, title=title)


def preprocessing(out: Output, result: Mapping[str, Any]) -> None:
    """How the columns of a training were prepared, those alike in one row."""
    from autolearn.card import columns_of, prepared_by

    told = result.get("preprocessing")
    if told:
        rows = [[*columns_of(group), prepared_by(group)] for group in told]
        out.line("")
        out.table(["columns", "type", "prepared by"], rows, title="Preprocessing")


def groups(out: Output, result: Mapping[str, Any]) -> None:
    """How many rows are in each group of a clustering or anomaly detection."""
    found = result.get("groups") or (result.get("learned") or {}).get("sizes")
    if found:
        rows = [[group.get("label", group.get("cluster")), group["rows"]] for group in found]
        out.table(["group", "rows"], rows, title="Groups (-1: noise or anomalies)")


def per_class(out: Output, result: Mapping[str, Any]) -> None:
    """The per-class report of a result, if it has one."""
    report = result.get("per_class")
    rows: list[Mapping[str, Any]] = []
    if isinstance(report, Mapping):
        rows = [{"class": label, **figures} for label, figures in report.items()]
    elif isinstance(report, Sequence):
        rows = [row for row in report if isinstance(row, Mapping)]
    if rows:
        told = dict.fromkeys(name for row in rows for name in row)
        names = [name for name in _PER_CLASS if name in told] + [name for name in told if name not in _PER_CLASS]
        out.table(names, [[row.get(name) for name in names] for row in rows], title="Per class")


def comparison(out: Output, compared: Comparison, *, everything: bool = False) -> None:
    """Things side by side: one a row, with what tells them apart; what is the same for all is said once, below.

    With `everything` a row is a field and a column a thing, parameters included; differing fields stand out.
    """
    rows = compared.rows
    if everything:
        out.table(
            ["field", *(short(each) or "" for each in compared.ids)],
            [[_field(row), *row.get("values", ())] for row in rows],
            strong=[(at, 0) for at, row in enumerate(rows) if row.get("differs")],
        )
        return
    shown = [row for row in rows if not _field(row).startswith(_ASIDE)]
    columns = sorted((row for row in shown if row.get("differs") or _field(row).startswith("measures.")), key=_place)
    best = [
        _best_of(row["values"], row.get("direction") == "lower") if _field(row).startswith("measures.") else None
        for row in columns
    ]
    out.table(
        ["", *(_field(row).removeprefix("measures.") for row in columns)],
        [[short(each), *(_shown(row["values"][at]) for row in columns)] for at, each in enumerate(compared.ids)],
        strong=[(at, number + 1) for number, at in enumerate(best) if at is not None],
    )
    same = [f"{_field(row)} {_shown(row['values'][0])}" for row in shown if row not in columns and row["values"]]
    if same:
        out.note(f"the same for all: {', '.join(same)}")


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    """What a thing is comes first, then how it was made, how good it is, and last how long it took."""
    field = _field(row)
    if field in _FIRST:
        return 0, _FIRST.index(field)
    return (2 if field.startswith("measures.") else 3 if field == "seconds" else 1), 0


def _shown(value: Any) -> Any:
    """A full id as its ending: a table is no place for 36 characters."""
    return short(value) if isinstance(value, str) and FULL.fullmatch(value) else value


def seconds(job: Job) -> float | None:
    """How long the job took, as its child measured it."""
    took = ((job.result or {}).get("usage") or {}).get("seconds")
    return float(took) if isinstance(took, (int, float)) else None


def _field(row: Mapping[str, Any]) -> str:
    return str(row.get("field") or row.get("name") or "")


def _best(found: Iterable[Mapping[str, Any]], name: str, lower: bool) -> int | None:
    """Which of several has the best value of a measure; None if fewer than two have one."""
    return _best_of([each.get(name) for each in found], lower)


def _best_of(found: Iterable[Any], lower: bool) -> int | None:
    values = [(at, value) for at, value in enumerate(found) if isinstance(value, (int, float))]
    if len(values) < 2:
        return None
    sign = -1 if lower else 1
    return max(values, key=lambda pair: sign * pair[1])[0]
