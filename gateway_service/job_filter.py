"""The filter of `/v1/jobs`: what it says about `kind` chooses the services to ask, the rest is passed down to them."""

from __future__ import annotations

from common.filtering.conditions import And, Comparison, Condition, In, Not, Or, Scalar, holds
from common.filtering.fields import Field, Fields
from common.filtering.parser import parse

FIELDS: Fields = {
    "kind": Field("kind"),
    "state": Field("state"),
    "session": Field("session"),
    "dataset": Field("dataset"),
    "algorithm": Field("algorithm"),
    "created": Field("created", "time"),
}
NOTHING = And(())
NEVER = Or(())


def filter_for(kind: str, text: str) -> str | None:
    """The filter for the service of one kind: empty for all its jobs, None if none of them can match.

    Raises `errors.BadFilter` as the service would.
    """
    if not text.strip():
        return ""
    left = _known(parse(text, FIELDS), kind)
    if left == NEVER:
        return None
    return "" if left == NOTHING else written(left)


def written(condition: Condition) -> str:
    """A condition in the filter language; reading it again gives the same meaning."""
    match condition:
        case Comparison(path, sign, value):
            return f"{path} {'=' if sign == 'has' else sign} {_literal(value)}"
        case In(path, values):
            return f"{path} in ({', '.join(_literal(value) for value in values)})"
        case And(parts):
            return f"({' and '.join(written(part) for part in parts)})"
        case Or(parts):
            return f"({' or '.join(written(part) for part in parts)})"
        case Not(part):
            return f"not ({written(part)})"


def _known(condition: Condition, kind: str) -> Condition:
    """The condition once the kind is known: `NOTHING` if it then always holds, `NEVER` if it never does."""
    match condition:
        case Comparison(path="kind") | In(path="kind"):
            return NOTHING if holds(condition, {"kind": kind}) else NEVER
        case Comparison() | In():
            return condition
        case Not(part):
            inner = _known(part, kind)
            return NEVER if inner == NOTHING else NOTHING if inner == NEVER else Not(inner)
        case And(parts):
            known = [_known(part, kind) for part in parts]
            if NEVER in known:
                return NEVER
            return _joined(And, [part for part in known if part != NOTHING])
        case Or(parts):
            known = [_known(part, kind) for part in parts]
            if NOTHING in known:
                return NOTHING
            return _joined(Or, [part for part in known if part != NEVER])


def _joined(form: type[And] | type[Or], parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else form(tuple(parts))


def _literal(value: Scalar) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
