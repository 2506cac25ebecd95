"""Lifecycles: one table per record says which event takes it from which state to which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common import errors

State = dict[str, Any]
Change = Callable[[State, Mapping[str, Any]], State]
NEW = ""
"""The state of a record before its first event."""


def merge(state: State, data: Mapping[str, Any]) -> State:
    """Lay `data` over `state`: a null removes, sealed fields and blob names are merged one level down."""
    merged = dict(state)
    for name, value in data.items():
        if value is None:
            merged.pop(name, None)
        elif name in ("sealed", "blobs") and isinstance(value, Mapping):
            inner = {**merged.get(name, {}), **value}
            merged[name] = {key: item for key, item in inner.items() if item is not None}
        else:
            merged[name] = value
    return merged


@dataclass(frozen=True)
class Lifecycle:
    """The life of one kind of record.

    `transitions` maps (state, event name) to the next state: an event that is not in the table cannot happen.
    `changes` names what an event does to the rest of the state where plain merging of its data is not all.
    """

    record: str
    transitions: Mapping[tuple[str, str], str]
    changes: Mapping[str, Change]

    def allows(self, state: State | None, event_name: str) -> bool:
        """Whether the event may happen now."""
        return ((state or {}).get("state", NEW), event_name) in self.transitions

    def fold(self, state: State | None, event: Mapping[str, Any]) -> State:
        """The state after `event`: pure, on stored bytes, without keys.

        Raises `errors.Conflict` for an event that the table does not allow.
        """
        name = str(event["type"]).removeprefix("autolearn.").rsplit(".v", 1)[0]
        before = state or {}
        target = self.transitions.get((before.get("state", NEW), name))
        if target is None:
            raise errors.Conflict(f"{self.record} is {before.get('state') or 'not there'}: {name} cannot happen to it")
        change = self.changes.get(name)
        after = change(dict(before), event["data"]) if change else merge(before, event["data"])
        # A change may choose between two states (a partial commit leaves a session open).
        after["state"] = after.pop("next", target)
        return after

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the documentation."""
        lines = ["stateDiagram-v2"]
        for (source, event), target in self.transitions.items():
            lines.append(f"    {source or '[*]'} --> {target}: {event}")
        return "\n".join(lines) + "\n"
