"""The AsyncAPI 3.0 document of the event log, made of the lifecycles that the services' models declare."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import catalog_service.model
import evaluation_service.model
import session_service.model
import storage_service.model
import training_service.model
from common.contracts.events import Event
from common.records.lifecycle import Lifecycle

CALLS = ("call.received", "call.sent")


def lifecycles() -> list[Lifecycle]:
    """Every lifecycle that a service's model declares."""
    models = (catalog_service, training_service, evaluation_service, session_service, storage_service)
    found = [value for package in models for value in vars(package.model).values() if isinstance(value, Lifecycle)]
    return sorted(found, key=lambda one: one.record)


def document() -> dict[str, Any]:
    """The channels of the log with every type of event that can appear on them."""
    states = {event: lifecycle for lifecycle in lifecycles() for _, event in lifecycle.transitions}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "AutoLearn: event log",
            "version": version("autolearn"),
            "description": "CloudEvents 1.0. A record's events are ordered by `sequence`, without gaps; each "
            "names the digest of the one before.",
        },
        "channels": {
            "state": _channel("autolearn.state", "Changes of records", states),
            "calls": _channel("autolearn.calls", "Communications, by the trace id", CALLS),
        },
        "components": {
            "messages": {
                name: {
                    "name": f"autolearn.{name}.v1",
                    "summary": _transitions(states[name], name) if name in states else "One side of one call.",
                    "payload": {"$ref": "#/components/schemas/Event"},
                }
                for name in sorted([*states, *CALLS])
            },
            "schemas": {"Event": Event.model_json_schema()},
        },
    }


def _channel(address: str, title: str, names: Iterable[str]) -> dict[str, Any]:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in sorted(names)}
    return {"address": address, "title": title, "messages": messages}


def _transitions(lifecycle: Lifecycle, name: str) -> str:
    steps = [
        f"{source or 'new'} → {target}" for (source, event), target in lifecycle.transitions.items() if event == name
    ]
    return f"{lifecycle.record}: {', '.join(steps)}"
