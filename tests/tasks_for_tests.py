"""Task functions for the tests of the task runner: each is one thing that a task may do well or badly."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from common import errors
from common.ports.task_runner import TaskFiles


def echo(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    return {"request": request}


def talk(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    files.progress("reading", 0.25, "half way to the half")
    print("to output")
    os.write(2, b"to error\n")
    files.progress("fitting", 1.0)
    return {}


def copy(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Plain and sealed inputs into plain and sealed outputs."""
    with files.write("sealed") as target:
        target.write(files.read("sealed"))
    files.output_path("plain").write_bytes(files.input("plain").read_bytes())
    return {}


def half_written(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    with contextlib.suppress(RuntimeError), files.write("sealed") as target:
        target.write(b"half")
        raise RuntimeError
    files.output_path("plain").symlink_to("/etc/passwd")
    return {}


def unknown_name(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    with files.write("no such output"):
        return {}


def surroundings(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    limits, descriptors = {}, {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one of the listing itself
            descriptors[name] = os.readlink(f"/proc/self/fd/{name}")
    for line in Path("/proc/self/limits").read_text().splitlines()[1:]:
        limits[line[:26].strip()] = line[26:].split()[0]
    return {
        "environment": dict(os.environ),
        "descriptors": descriptors,
        "limits": limits,
        "oom_score": Path("/proc/self/oom_score_adj").read_text().strip(),
        "folder": os.getcwd(),
        "session": os.getsid(0) == os.getpid(),
        "nice": os.nice(0),
        "random": random_number(),
    }


def random_number() -> float | None:
    numpy = sys.modules.get("numpy.random")
    return float(numpy.random()) if numpy else None


def fail(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    raise ZeroDivisionError("a failure of the task")


def refuse(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    flaw = errors.Flaw("/target", "missing", "there is no column y", ("x",))
    raise errors.BadData("no column", flaws=[flaw])


def be_unavailable(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    raise errors.Unavailable("come back")


def leave(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    raise SystemExit(3)


def leave_hard(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    os._exit(3)


def wrong_type(request: dict[str, Any], files: TaskFiles) -> Any:
    return [1]


def not_a_number(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    return {"value": float("nan")}


def large_result(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    return {"text": "x" * request["size"]}


def segfault(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError("unreachable")


def eat_memory(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    held = []
    while True:
        held.append(os.urandom(2**22))


def eat_memory_in_child(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    if os.fork() == 0:
        eat_memory(request, files)
    signal.pause()
    raise AssertionError("unreachable")


def ask_for_too_much(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    return {"size": len(bytearray(2**60))}


def spin(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    """An endless loop in C that holds the interpreter's lock and ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    files.progress("spinning")
    any(iter(int, 1))
    raise AssertionError("unreachable")


def wait(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    print("before the end")
    files.progress("waiting")
    while True:
        signal.pause()


def flood_output(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    while True:
        print("x" * 1000)


def flood_disk(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    number = 0
    while True:
        number += 1
        Path(f"file{number}").write_bytes(bytes(2**20))


def one_large_file(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    with open("file", "wb") as target:
        while True:
            target.write(bytes(2**20))


def many_files(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    number = 0
    while True:
        number += 1
        Path(f"file{number}").touch()


def many_threads(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    for _ in range(request["count"]):
        threading.Thread(target=signal.sigwait, args=([signal.SIGUSR1],), daemon=True).start()
    wait(request, files)


def fork_bomb(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    while True:
        with contextlib.suppress(OSError):
            os.fork()


def daemonise(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Leave a daemon behind as the textbook says: fork, a session of its own, fork, the parents end."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            signal.pause()
        os._exit(0)
    files.progress("daemon", message=os.read(reader, 100).decode())
    if request.get("wait"):
        wait(request, files)
    return {}


def start_program(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    """Start a program in a session of its own, tell who it is, and wait for it."""
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as program:
        files.progress("program", message=str(program.pid))
    raise AssertionError("unreachable")


def compute(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Half a second of CPU and 100 MB of memory."""
    held = b"x" * (100 * 2**20)
    end = time.process_time() + 0.5
    while time.process_time() < end:
        sum(range(1000))
    return {"held": len(held)}


def thread_limits(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    import threadpoolctl

    return {"threads": sorted({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})}


def kill_the_group(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    """Take everybody along who belongs to the task: itself, its children, their children."""
    for _ in range(2):
        if os.fork() == 0:
            signal.pause()
    os.killpg(0, signal.SIGKILL)
    raise AssertionError("unreachable")


def eat_memory_with_numpy(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    """As a careless algorithm does: in one call into C after the other, from threads of its own."""
    import numpy

    held: list[Any] = []

    def eat() -> None:
        while True:
            held.append(numpy.ones(2**20))

    for _ in range(4):
        threading.Thread(target=eat).start()
    wait(request, files)


def kill_itself(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    os.kill(os.getpid(), request["signal"])
    raise AssertionError("unreachable")
