"""What an indexed event log is made of: a log in partitions that knows positions and nothing else (Kafka's shape)."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, NamedTuple

from common.ports.event_log import Event
from common.ports.port import Port

STATE = "state-0"
"""The one partition of the changes of records: their order is the log's."""

Offsets = Mapping[str, int]
"""An offset (the first is 0) for each partition: `state-0`, `calls-0`, …"""


class Stored(NamedTuple):
    """An event where it is."""

    partition: str
    offset: int
    event: Event


class Partitions(Port):
    """An append-only log in partitions. Physical doubles may be in it: who sends again cannot know of the first time.

    Errors as `common.ports.event_log.EventLog`.
    """

    name: str
    """Whose topics these are: the prefix of their names."""

    @abstractmethod
    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Append in this order, per partition. All are durable when it returns; a prefix may be when it raises."""

    @abstractmethod
    async def ends(self) -> dict[str, int]:
        """The offset behind the last event of each partition."""

    @abstractmethod
    async def starts(self) -> dict[str, int]:
        """The offset of the first event of each partition that retention has left."""

    @abstractmethod
    def scan(self, begin: Offsets, end: Offsets) -> AsyncGenerator[list[Stored], None]:
        """The events of the partitions in `end`, from `begin` (0 unless told), before `end`, in the order of sending.

        No end may lie behind what `ends` says. The order of each partition is kept whatever clocks say, and the same
        ranges give the same order each time.
        """

    @abstractmethod
    async def check(self) -> Mapping[str, str | int]:
        """Facts for the doctor, as the port tells them."""


class Merge:
    """Merges partitions by the time of sending as they are read, holding back what an unread one may precede."""

    def __init__(self, partitions: Sequence[str]) -> None:
        self._waiting: dict[str, deque[tuple[int, Stored]]] = {name: deque() for name in partitions}
        self._open = set(partitions)

    @property
    def starving(self) -> list[str]:
        """The partitions that have to be read before anything can be taken."""
        return [name for name in self._waiting if name in self._open and not self._waiting[name]]

    def feed(self, partition: str, read: Sequence[tuple[int, Stored]], *, last: bool) -> None:
        """What was read, each with its time of sending; `last` if nothing will follow."""
        self._waiting[partition].extend(read)
        if last:
            self._open.discard(partition)

    def take(self) -> list[Stored]:
        """What is in order by now."""
        taken: list[Stored] = []
        if len(self._waiting) == 1:
            (only,) = self._waiting.values()
            taken.extend(stored for _, stored in only)
            only.clear()
        while not self.starving:
            heads = [(queue[0][0], name) for name, queue in self._waiting.items() if queue]
            if not heads:
                break
            taken.append(self._waiting[min(heads)[1]].popleft()[1])
        return taken
