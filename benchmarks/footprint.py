"""Figure 5: memory and processor time of a platform that has nothing to do, and what a running task adds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import psutil

from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import spread
from benchmarks.server import Server, server

_MIB = 2**20


def memory_and_idling(scale: Scale) -> Sequence[Figure]:
    """PSS of all processes idle, the most that one small training adds to it, and CPU while idle."""
    idle, added, busy = [], [], []
    for _ in range(scale.rounds):
        with server() as ours:
            ours.settle()
            time.sleep(scale.idle_seconds / 4)  # idling is what is measured: nothing is waited for
            root = psutil.Process(ours.process)
            before, began = _cpu(root), time.monotonic()
            time.sleep(scale.idle_seconds)
            busy.append(100 * (_cpu(root) - before) / (time.monotonic() - began))
            resting = memory(root)
            idle.append(resting / _MIB)
            work = threading.Thread(target=_train, args=(ours, scale.repetitions))
            work.start()
            most = resting
            while work.is_alive():
                most = max(most, memory(root))
            work.join()
            added.append((most - resting) / _MIB)
    return [
        at_most("5 idle memory, PSS of all processes", spread(idle, "MiB"), "", idle, 300, unit="MiB"),
        at_most("5 memory that a running small training adds", spread(added, "MiB"), "", added, 60, unit="MiB"),
        at_most("5 processor time while idle, of one core", spread(busy, "%"), "", busy, 1, unit="%"),
    ]


def _train(one: Server, count: int) -> None:
    session = one.session("memory")
    for _ in range(count):
        one.train(session)


def _processes(root: psutil.Process) -> Iterator[psutil.Process]:
    yield root
    yield from root.children(recursive=True)


def _cpu(root: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in _processes(root))


def memory(root: psutil.Process) -> int:
    """Bytes of PSS of a process and its descendants."""
    total = 0
    for one in _processes(root):
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
