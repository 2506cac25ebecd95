"""Bodies whose form is wrong in places, so that the rest can be checked and everything wrong be said at once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Generic, TypeVar, get_args

from fastapi import Body
from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from common.contracts.base import Command
from common.errors import Flaw
from common.http import problems

C = TypeVar("C", bound=Command)
_ABSENT = "absent"
_TRIES = 3


class Asked(Generic[C]):
    """A command as a client sent it: what of it can be understood, and the flaws of its form.

    With flaws it must not be obeyed; it is there to be checked further. Parts that are wrong have their defaults then,
    and those that have none are named in `absent`.
    """

    # No dataclass: pydantic would read its fields instead.
    def __init__(self, command: C, flaws: Sequence[Flaw] = (), absent: frozenset[str] = frozenset()) -> None:
        self.command, self.flaws, self.absent = command, flaws, absent

    def document(self) -> dict[str, Any]:
        """The command as JSON has it; null for what is absent."""
        return {**self.command.model_dump(mode="json"), **dict.fromkeys(self.absent)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (model,) = get_args(source)

        def read(body: Any, validate: Callable[[Any], C]) -> Asked[C]:
            try:
                return cls(validate(body))
            except ValidationError as error:
                # Of more than are listed nothing else need be looked for, and looking would take long.
                found = _salvaged(body, error, validate) if error.error_count() <= problems.MOST else None
                if found is None:
                    raise
                command, absent = found
                seen = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
                return cls(command, problems.flaws_of(seen, model), absent)

        return core_schema.no_info_wrap_validator_function(read, handler(model))


Whole = Annotated[Asked[C], Body()]
"""A body that the route takes as a whole, also when parts of it are wrong."""


def _salvaged(body: Any, error: ValidationError, validate: Callable[[Any], C]) -> tuple[C, frozenset[str]] | None:
    """The command without what is wrong in it; None where nothing can be understood."""
    if not isinstance(body, dict):
        return None
    rest, absent = copy.deepcopy(body), set[str]()
    for _ in range(_TRIES):
        for one in error.errors():
            if one["type"] == "missing" and len(one["loc"]) == 1:
                name = str(one["loc"][0])
                rest[name] = _ABSENT
                absent.add(name)
            else:
                _remove(rest, one["loc"])
        try:
            return validate(rest), frozenset(absent)
        except ValidationError as left:
            error = left
    return None


def _remove(document: dict[str, Any], location: Iterable[str | int]) -> None:
    """Take out what is at the location: the innermost field of an object that it names."""
    inner: Any = document
    holder, last = document, ""
    for part in location:
        if not isinstance(inner, dict) or part not in inner:
            break
        holder, last = inner, str(part)
        inner = inner[part]
    holder.pop(last, None)
