"""What only Linux knows: the ties between processes (prctl(2)) and what a tree of them uses (proc(5))."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
NICE = 5
"""The niceness of tasks: whoever waits for an answer goes before what computes for minutes, on however few cores."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; at once if that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def outlive_parent() -> None:
    """Take back `die_with`: the caller watches its parent itself, to clean up before it ends."""
    _prctl(_PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose parent ends, so that a daemon cannot get away."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def gain_no_privileges() -> None:
    """Ignore the set-user-id bit from here on, in all descendants: what became root we could not kill."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def go_behind(process: int) -> bool:
    """Have the session of a process stand back from all others; whether that was possible now.

    Where the kernel shares the processor among sessions first, niceness counts only within one (sched(7), autogroup).
    It does this a few times a second for one that is not root. Where it does not group by session, there is no need.
    """
    try:
        Path(f"/proc/{process}/autogroup").write_text(str(NICE))
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@dataclass(frozen=True)
class Sample:
    """What a tree of processes uses at one moment: bytes resident, seconds of CPU so far, threads."""

    resident: int
    cpu_seconds: float
    threads: int
    processes: tuple[int, ...]


def children(process: int) -> Iterator[int]:
    """The children of a process, of all its threads, zombies too; none if it has gone meanwhile."""
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            yield from map(int, (thread / "children").read_text().split())
    except OSError:
        return


def descendants(process: int) -> list[int]:
    """Children, their children and so on, parents first."""
    found = list(children(process))
    for one in found:  # grows while it is read
        found.extend(children(one))
    return found


def sample(process: int) -> Sample:
    """What a process and its descendants use together; those that end meanwhile do not count."""
    resident = threads = ticks = 0
    alive = (process, *descendants(process))
    for one in alive:
        try:
            text = Path(f"/proc/{one}/stat").read_text()
        except OSError:
            continue
        # The command's name may hold spaces and brackets; after the last one are numbers (proc_pid_stat(5)).
        values = text[text.rindex(")") + 2 :].split()
        ticks += sum(map(int, values[11:15]))  # utime, stime, and those of children that were waited for
        threads += int(values[17])
        resident += int(values[21]) * _PAGE
    return Sample(resident, ticks / _TICKS, threads, alive)


def proportional_memory(processes: tuple[int, ...]) -> int:
    """Bytes that processes use, a shared page divided among its users (PSS, proc_pid_smaps(5)). Slow."""
    total = 0
    for one in processes:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        sizes = (line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))
        total += sum(map(int, sizes)) * 1024
    return total


def kill_descendants(spare: frozenset[int] = frozenset()) -> None:
    """Kill what is left below this process, except the children in `spare`, and wait until nothing is.

    This process must adopt orphans: a child that is killed leaves us its own children, for the next round.
    """
    while doomed := [child for child in children(os.getpid()) if child not in spare]:
        for child in doomed:
            for process in (child, *descendants(child)):
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        for child in doomed:
            os.waitpid(child, 0)


def folder_use(folder: Path, most_files: int) -> tuple[int, int]:
    """Bytes on disk and number of the files below a folder; counting ends after `most_files`."""
    size = count = 0
    waiting = [str(folder)]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:
            continue  # removed meanwhile, or closed by its owner: then what is in it counts no more
        with entries:
            for entry in entries:
                count += 1
                if count > most_files:
                    return size, count
                try:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                except FileNotFoundError:
                    continue
    return size, count
