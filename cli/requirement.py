"""`--require`: a condition that each named record must meet, for gates in CI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from cli import failures
from cli.render import Output, plain, short, text

if TYPE_CHECKING:
    from common.filtering.conditions import Condition


class Requirement:
    """A parsed condition; one that cannot be understood is a usage error, before any work is done."""

    def __init__(self, expression: str) -> None:
        from common import errors
        from common.filtering import parser

        self.expression = expression
        try:
            self._condition = parser.parse(expression)
        except errors.BadFilter as error:
            raise typer.BadParameter(f"--require: {error.detail}") from error

    def check(self, out: Output, records: Sequence[Any]) -> int:
        """0 if every record meets it, else 7; says of each that does not what was found instead."""
        from common.filtering import conditions

        failed = 0
        for record in records:
            document = subject(record)
            if not conditions.holds(self._condition, document):
                failed += 1
                found = ", ".join(
                    f"{path} is {_found(document, path)}" for path in dict.fromkeys(_paths(self._condition))
                )
                # Not a remark: it is why the exit code is not 0, so `--quiet` does not hide it.
                failures.say(f"{short(document['id'])} does not meet {self.expression!r}: {found}")
        return failures.NOT_MET if failed else 0


def given(expression: str | None) -> Requirement | None:
    """The requirement, if there is one."""
    return Requirement(expression) if expression else None


def subject(record: Any) -> dict[str, Any]:
    """What paths of the condition mean: the record's fields, and `measures` as people mean it.

    Of a training the measures on its held-out rows (of a task without a target on all), of an evaluation and of an
    experiment its own.
    """
    document: dict[str, Any] = plain(record)
    if "measures" not in document:
        from common.contracts.jobs import headline

        document["measures"] = headline(document.get("result") or {})
    return document


def _paths(condition: Condition) -> Iterator[str]:
    from common.filtering import conditions

    match condition:
        case conditions.And(parts) | conditions.Or(parts):
            for part in parts:
                yield from _paths(part)
        case conditions.Not(part):
            yield from _paths(part)
        case conditions.Comparison(path) | conditions.In(path):
            yield path


def _found(document: Mapping[str, Any], path: str) -> str:
    from common.filtering import conditions

    value = conditions.value_at(document, path)
    if value is None:
        near = _near(document, path)
        return "missing" + (f"; did you mean {' or '.join(near)}?" if near else "")
    if isinstance(value, float):
        return repr(value)
    return text(value) if not isinstance(value, Mapping) else "no single value"


def _near(document: Mapping[str, Any], path: str) -> list[str]:
    """Paths that are there and look like this one, or end as it does."""
    import difflib

    there = sorted(_leaves(document, ""), key=len)
    alike = [one for one in there if one.rpartition(".")[2] == path.rpartition(".")[2]]
    return list(dict.fromkeys([*alike, *difflib.get_close_matches(path, there)]))[:3]


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif value is not None and not isinstance(value, list):
        yield path
