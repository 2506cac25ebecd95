"""The model card of an experiment as Markdown, with the YAML header that model hubs read (Mitchell et al. 2019)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.contracts.experiments import Experiment

_MOST_FEATURES = 50
_MOST_NAMED = 8
_STEPS = {name: number for number, name in enumerate(("impute", "fill_value", "encode", "categories"))}


@dataclass(frozen=True)
class Heading:
    """The title of a section, or of a part of one (`level` 2, 3)."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Table:
    """Rows under heads; texts that are Markdown nowhere."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Plots:
    """What can be drawn of an evaluation's result."""

    result: Mapping[str, Any]


Part = str | Heading | Table | Plots


def markdown(experiment: Experiment) -> str:
    """The card, from the record alone; the same record gives the same card. Plots are left to `page`."""
    written = [_header(experiment), f"# {experiment.name}"]
    for part in parts(experiment):
        match part:
            case Heading():
                written.append(f"{'#' * part.level} {part.text}")
            case Table():
                written.append(_table(part))
            case str():
                written.append(part)
    return "\n\n".join(one for one in written if one) + "\n"


def page(experiment: Experiment) -> str:
    """The card as one self-contained HTML page, with plots of its evaluations."""
    from autolearn import plots
    from autolearn.page import Page

    made, about = Page(experiment.name), experiment.name
    for part in parts(experiment):
        match part:
            case Heading():
                about = part.text
                made.heading(about)
            case Table():
                cells = [[None if cell is None else str(cell) for cell in row] for row in part.rows]
                made.table(about, part.heads, cells, texts=range(1, len(part.heads)))
            case Plots():
                plots.draw(made, part.result)
            case str():
                for line in part.replace("`", "").splitlines():
                    made.note(line.removeprefix("- "))
    return made.text()


def parts(experiment: Experiment) -> Iterator[Part]:
    """What the card holds, from top to bottom."""
    request, result = experiment.request or {}, experiment.result or {}
    given: Mapping[str, Any] = request.get("parameters") or {}
    yield (
        f"A model for {experiment.task}, trained by `{experiment.algorithm}`"
        + (f" to predict `{experiment.target}`" if experiment.target else "")
        + f" from `{experiment.dataset}`."
    )
    yield experiment.note or ""
    yield Heading("Data")
    yield _data(experiment, request, result)
    yield Heading("Features")
    yield Table(["column", "type"], [[one["name"], one["type"]] for one in result.get("features", ())[:_MOST_FEATURES]])
    yield _left_out(result)
    yield from _preprocessing(result)
    yield Heading("Hyper-parameters")
    yield Table(["name", "value"], [[name, _value(value, "null")] for name, value in given.items()])
    yield Heading("Measures")
    yield from _measures(result)
    yield from _evaluations(experiment.evaluations)
    yield Heading("Limits")
    yield _limits(result)
    yield Heading("How to open it")
    yield (
        "The artifact is a scikit-learn pipeline in skops format; it opens without AutoLearn. It was made with "
        + ", ".join(f"{name} {version}" for name, version in (result.get("versions") or {}).items())
        + f". Artifact: `{(result.get('artifact') or {}).get('digest')}`."
    )
    yield Heading("Where it comes from")
    yield (
        f"Experiment `{experiment.id}`, training `{experiment.training}`, committed {experiment.committed}, trace"
        f" `{experiment.trace_id}`. `autolearn experiments reproduce {experiment.id}` trains it again."
    )


def _header(experiment: Experiment) -> str:
    """JSON is YAML: values are quoted so, whatever they hold."""
    lines = ["---", "library_name: sklearn", "tags:"]
    tags = ["autolearn", f"tabular-{experiment.task}", *experiment.tags]
    lines += [f"- {json.dumps(tag, ensure_ascii=False)}" for tag in tags]
    named = f"- name: {json.dumps(experiment.name, ensure_ascii=False)}"
    return "\n".join([*lines, "model-index:", named, "---"])


def _data(experiment: Experiment, request: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    split = result.get("split") or {}
    asked = request.get("split") or {}
    said = f"Digest `{experiment.dataset_digest}`. Learned from {split.get('train_rows')} rows"
    if split.get("test_rows"):
        said += f"; {split['test_rows']} were held out (seed {asked.get('seed')}"
        said += ", by class)" if split.get("stratified") else ")"
    if split.get("dropped_rows"):
        said += f"; {split['dropped_rows']} without a target were left out"
    return said + "."


def _left_out(result: Mapping[str, Any]) -> str:
    more = len(result.get("features", ())) - _MOST_FEATURES
    return f"And {more} more." if more > 0 else ""


def _preprocessing(result: Mapping[str, Any]) -> Iterator[Part]:
    """How columns were prepared, those alike in one line."""
    groups = result.get("preprocessing") or ()
    if groups:
        yield Heading("Preprocessing")
        yield "Learned from the rows learned from alone; part of the artifact."
        rows = [[*columns_of(group), prepared_by(group)] for group in groups]
        yield Table(["columns", "type", "prepared by"], rows)


def columns_of(group: Mapping[str, Any]) -> tuple[str, str]:
    """The columns of a group of a result's `preprocessing`, the first of many, and their type."""
    names = group["columns"]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more, group["type"]


def prepared_by(group: Mapping[str, Any]) -> str:
    """What is done to the columns of a group, in words of the request."""
    names = sorted(group.keys() - {"columns", "type"}, key=lambda name: (_STEPS.get(name, len(_STEPS)), name))
    return ", ".join(f"{name} {_value(group[name])}" for name in names) or "as it is"


def _measures(result: Mapping[str, Any]) -> Iterator[Part]:
    found = result.get("measures") or {}
    parts = [part for part in ("test", "train") if found.get(part)]
    names = list(dict.fromkeys(name for part in parts for name in found[part]))
    heads = {"test": "held-out rows", "train": "rows learned from"}
    yield Table(
        ["measure", "better", *(heads[part] for part in parts)],
        [
            [name, (result.get("directions") or {}).get(name), *(_value(found[part].get(name)) for part in parts)]
            for name in names
        ],
    )
    averaging = result.get("averaging")
    if averaging == "binary":
        yield f"Precision, recall and F1 are those of the class {_value(result.get('positive_class'))}."
    elif averaging:
        yield f"Precision, recall and F1 are {averaging} averages over the classes."


def _evaluations(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    for one in evaluations:
        result = one.get("result") or {}
        where = result.get("dataset")
        folds = result.get("cross_validation") or result.get("learning_curve")
        about = f"{folds['folds']} folds" if folds else "the held-out rows"
        yield Heading(f"Evaluated on {where['name']}@{where['version']}" if where else f"Evaluated on {about}", 3)
        bounds = (result.get("confidence") or {}).get("intervals") or {}
        yield Table(
            ["measure", "value", *(["interval"] if bounds else [])],
            [
                [name, _value(value), *([_value(bounds.get(name))] if bounds else [])]
                for name, value in (result.get("measures") or {}).items()
            ],
        )
        yield Plots(result)


def _limits(result: Mapping[str, Any]) -> str:
    notes = [f"- {_cell(note)}" for note in result.get("notes") or ()]
    general = "- The figures hold for rows like those it was measured on; whether others are alike nobody has checked."
    return "\n".join([general, *notes])


def _table(table: Table) -> str:
    lines = [table.heads, ["---"] * len(table.heads), *table.rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _value(value: Any, nothing: str = "undefined") -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return nothing if value is None else str(value)
