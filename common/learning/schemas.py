"""Hyper-parameters read back from their JSON Schema, and the kinds that only estimators by name have.

What the catalogue shows of an estimator is all that a service knows of it; so that is what a request is checked by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Kind, Nothing, Number, Option

INTEGER_LEAST = -(2**31)


@dataclass(frozen=True)
class Text:
    """Any text."""

    def admits(self, value: Any) -> bool:
        return isinstance(value, str)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def text(self) -> str:
        return "a text"


@dataclass(frozen=True)
class List:
    """A list of anything; the estimator says what of."""

    def admits(self, value: Any) -> bool:
        return isinstance(value, list)

    def schema(self) -> dict[str, Any]:
        return {"type": "array"}

    def text(self) -> str:
        return "a list"


@dataclass(frozen=True)
class Object:
    """An object of anything."""

    def admits(self, value: Any) -> bool:
        return isinstance(value, dict)

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}

    def text(self) -> str:
        return "an object"


@dataclass(frozen=True)
class Choice:
    """One of a few numbers."""

    values: tuple[float, ...]

    def admits(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and value in self.values

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}

    def text(self) -> str:
        return " or ".join(f"{value:g}" for value in self.values)


@dataclass(frozen=True)
class Anything:
    """Any JSON value: of an estimator that does not say what it takes."""

    def admits(self, value: Any) -> bool:
        return True

    def schema(self) -> dict[str, Any]:
        return {}

    def text(self) -> str:
        return "anything"


def hyperparameters(schema: Mapping[str, Any]) -> tuple[Hyperparameter, ...]:
    """The hyper-parameters of which `hyperparameters.object_schema` made this."""
    return tuple(
        Hyperparameter(
            name,
            tuple(_kind(one) for one in told.get("anyOf", [told])),
            told.get("default"),
            told.get("description", ""),
        )
        for name, told in schema.get("properties", {}).items()
    )


def _kind(schema: Mapping[str, Any]) -> Kind:
    match schema:
        case {"type": "integer"}:
            return Integer(schema["minimum"], schema["maximum"])
        case {"type": "number"}:
            bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
            return Number(*(schema.get(bound) for bound in bounds))
        case {"type": "string", "enum": names}:
            return Option(tuple(names))
        case {"type": "boolean"}:
            return Boolean()
        case {"type": "null"}:
            return Nothing()
        case {"type": "string"}:
            return Text()
        case {"type": "array"}:
            return List()
        case {"type": "object"}:
            return Object()
        case {"enum": values}:
            return Choice(tuple(values))
    return Anything()
