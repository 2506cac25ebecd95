"""Places at which a platform can be broken: a call of a port, counted, and a moment around it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

KILL: Final = "AUTOLEARN_TEST_KILL"
"""`port.method:n:moment`: where the platform kills itself."""
FOLDER: Final = "AUTOLEARN_TEST_FAULTS"
"""The folder of the files below."""
ARMED, CALLS, KILLED = "armed", "calls", "killed"
"""Calls count while `armed` is there, which may name the point, and are listed in `calls`; who dies says where in
`killed`."""
MOMENTS = ("before", "within", "after")

PORTS: Mapping[str, tuple[str, ...]] = {
    "record_store": ("ensure", "insert", "append", "touch", "pull_many", "put_view", "delete", "get", "find"),
    "event_log": ("append", "query", "last_position"),
    "message_bus": ("publish",),
    "blob_store": ("put_file", "put_bytes", "delete", "get_bytes", "stat"),
    "task_runner": ("run", "cancel"),
    "journal": ("begin", "end"),
}
"""What is counted: everything that changes something, and the reads that stand between the changes."""
READS = {"record_store.get", "record_store.find", "event_log.query", "event_log.last_position"} | {
    "blob_store.get_bytes",
    "blob_store.stat",
}
"""A kill here leaves the same files as one at the change before or behind: worth a few tries, not all."""


@dataclass(frozen=True)
class Point:
    """The n-th call (from 1) of `port.method` while the platform is armed, and the moment around it."""

    call: str
    number: int
    moment: str

    @classmethod
    def parse(cls, text: str) -> Point:
        """The point that a text like `record_store.append:3:after` names."""
        call, number, moment = text.split(":")
        port, _, method = call.partition(".")
        if method not in PORTS.get(port, ()) or moment not in MOMENTS or int(number) < 1:
            raise ValueError(f"{text!r} is no PORT.METHOD:N:{'|'.join(MOMENTS)} of what is counted")
        return cls(call, int(number), moment)

    def sooner(self) -> Point:
        """The same call and moment, half as far from the start."""
        return replace(self, number=(self.number + 1) // 2)

    def __str__(self) -> str:
        return f"{self.call}:{self.number}:{self.moment}"


def grid(calls: Iterable[str]) -> list[Point]:
    """Every point of a run that made these calls; those of synchronous calls have no `within`."""
    found = []
    for call, count in sorted(Counter(calls).items()):
        moments = ("before", "after") if call.startswith("journal.") else MOMENTS
        if call in READS:
            moments = ("before",)
        found += [Point(call, number, moment) for number in range(1, count + 1) for moment in moments]
    return found


def sample(points: Sequence[Point], size: int, seed: str) -> list[Point]:
    """At most `size` points, spread over the methods: each method comes again only when every other has come."""
    chance = random.Random(seed)
    weight: Callable[[str], Any] = lambda call: (call in READS, chance.random())  # noqa: E731 - used once, below
    by_call: dict[str, list[Point]] = {}
    for point in points:
        by_call.setdefault(point.call, []).append(point)
    for one in by_call.values():
        chance.shuffle(one)
    chosen: list[Point] = []
    while by_call and len(chosen) < size:
        for call in sorted(by_call, key=weight):
            chosen.append(by_call[call].pop())
            if not by_call[call] or call in READS:
                del by_call[call]
    return chosen[:size]
