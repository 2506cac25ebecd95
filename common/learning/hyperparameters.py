"""Typed hyper-parameters: what a value may be, as JSON Schema (draft 2020-12) and as a check.

A hyper-parameter admits a value if one of its kinds does. Schema and check come from the same kinds, so that what the
catalogue shows is what a training accepts.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from common.errors import Flaw

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SEED_LIMIT = 2**32 - 1
INTEGER_LIMIT = 2**31 - 1
"""What the compiled parts of scikit-learn can take for a count."""
SEED = "random_state"
"""The hyper-parameter that takes `split.seed` unless it is given."""


class Kind(Protocol):
    """A set of JSON values."""

    def admits(self, value: Any) -> bool:
        """Whether the value belongs to it."""
        ...

    def schema(self) -> dict[str, Any]:
        """The same set as a JSON Schema."""
        ...

    def text(self) -> str:
        """The same set in words, for a message."""
        ...


@dataclass(frozen=True)
class Integer:
    """Whole numbers of `least` to `most`, both included. A boolean is no number."""

    least: int
    most: int = INTEGER_LIMIT

    def admits(self, value: Any) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.least <= value <= self.most

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def text(self) -> str:
        if self.most == INTEGER_LIMIT:
            return f"an integer ≥ {self.least}"
        return f"an integer of {self.least} to {self.most}"


@dataclass(frozen=True)
class Number:
    """Finite numbers; the bounds are included unless `above` or `below` says otherwise. Integers are numbers."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def admits(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        try:
            if not math.isfinite(value):
                return False
        except OverflowError:  # an integer beyond all floats
            return False
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def schema(self) -> dict[str, Any]:
        bounds = {
            "minimum": self.least,
            "maximum": self.most,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
        }
        return {"type": "number", **{name: bound for name, bound in bounds.items() if bound is not None}}

    def text(self) -> str:
        signs = (("≥", self.least), (">", self.above), ("≤", self.most), ("<", self.below))
        bounds = [f"{sign} {bound:g}" for sign, bound in signs if bound is not None]
        return f"a number {' and '.join(bounds)}" if bounds else "a finite number"


@dataclass(frozen=True)
class Option:
    """One of a few texts."""

    names: tuple[str, ...]

    def admits(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.names

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.names)}

    def text(self) -> str:
        return " or ".join(f'"{name}"' for name in self.names)


@dataclass(frozen=True)
class Boolean:
    """True or false."""

    def admits(self, value: Any) -> bool:
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def text(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Integers:
    """A list of one to `longest` whole numbers of `least` to `most` each."""

    least: int
    most: int
    longest: int

    def admits(self, value: Any) -> bool:
        one = Integer(self.least, self.most)
        return isinstance(value, list | tuple) and 0 < len(value) <= self.longest and all(map(one.admits, value))

    def schema(self) -> dict[str, Any]:
        items = Integer(self.least, self.most).schema()
        return {"type": "array", "items": items, "minItems": 1, "maxItems": self.longest}

    def text(self) -> str:
        return f"a list of 1 to {self.longest} integers of {self.least} to {self.most}"


@dataclass(frozen=True)
class Nothing:
    """Null, which switches something off."""

    def admits(self, value: Any) -> bool:
        return value is None

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}

    def text(self) -> str:
        return "null"


@dataclass(frozen=True)
class Hyperparameter:
    """One hyper-parameter of an estimator, under scikit-learn's name; `kinds` are alternatives."""

    name: str
    kinds: tuple[Kind, ...]
    default: Any
    description: str

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        kinds = [kind.schema() for kind in self.kinds]
        shown = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        return {**shown, "default": self.default, "description": self.description}

    def flaw(self, value: Any) -> Flaw | None:
        """What is wrong with the value, if anything."""
        if any(kind.admits(value) for kind in self.kinds):
            return None
        options = [name for kind in self.kinds if isinstance(kind, Option) for name in kind.names]
        near = difflib.get_close_matches(value, options) if isinstance(value, str) else []
        wanted = ", or ".join(kind.text() for kind in self.kinds)
        detail = f"{self.name} must be {wanted}; {_shown(value)} is not"
        return Flaw(pointer(self.name), "hyperparameter", detail, tuple(near))


Check = Callable[[Mapping[str, Any]], Sequence[Flaw]]
"""What is wrong with a combination of values that are each admissible."""


def seed() -> Hyperparameter:
    """The seed of an estimator."""
    kinds = (Integer(0, SEED_LIMIT), Nothing())
    return Hyperparameter(SEED, kinds, None, "Seed of the estimator; null: split.seed.")


def pointer(name: str) -> str:
    """The JSON pointer (RFC 6901) of a hyper-parameter within a training request."""
    return "/parameters/" + name.replace("~", "~0").replace("/", "~1")


def object_schema(known: Sequence[Hyperparameter]) -> dict[str, Any]:
    """The JSON Schema of all hyper-parameters together."""
    return {
        "$schema": DRAFT,
        "type": "object",
        "properties": {parameter.name: parameter.schema() for parameter in known},
        "additionalProperties": False,
    }


def complete(
    known: Sequence[Hyperparameter], given: Mapping[str, Any], random_state: int
) -> tuple[dict[str, Any], list[Flaw]]:
    """The values with all defaults filled in, and what is wrong with the given ones."""
    names = [parameter.name for parameter in known]
    flaws = [
        Flaw(
            pointer(name),
            "unknown_parameter",
            f"there is no hyper-parameter {name!r}; there are: {', '.join(names)}",
            tuple(difflib.get_close_matches(name, names)),
        )
        for name in given
        if name not in names
    ]
    values = {}
    for parameter in known:
        value = given.get(parameter.name, parameter.default)
        flaw = parameter.flaw(value) if parameter.name in given else None
        values[parameter.name] = random_state if parameter.name == SEED and value is None else value
        if flaw is not None:
            flaws.append(flaw)
    return values, flaws


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
