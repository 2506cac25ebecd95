"""The lifecycles of all records, drawn from the tables that the services' models declare."""

from __future__ import annotations

from docs.asyncapi import lifecycles

_HEAD = """# Lifecycles

Generated from the transition tables in the services' `model.py`. Every arrow is one event; an event that is not drawn
cannot happen. What a job's states mean is told in [life of a job](../explanation/job-life.md).
"""


def page() -> str:
    """One diagram a record."""
    drawn = [f"## {one.record.capitalize()}\n\n```mermaid\n{one.diagram()}```\n" for one in lifecycles()]
    return _HEAD + "\n" + "\n".join(drawn)
