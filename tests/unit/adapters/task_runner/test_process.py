"""What only the process runner promises: who dies with whom, what a child inherits, what it costs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from common import errors
from common.adapters.task_runner import linux
from common.adapters.task_runner.process import ProcessTaskRunner
from common.ports.task_runner import Limits, OutcomeKind
from tests.task_runs import MODULE, begin, is_empty, lives, processes, run, server, task, until

FUNCTIONS = [f"{MODULE}:"]


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[ProcessTaskRunner]:
    async with ProcessTaskRunner(tmp_path / "work", functions=FUNCTIONS, grace=0.2) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Of what the test has started; the platform of another file may live as long as this process."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_both_loops_run_a_task_and_cancel_one(runner: ProcessTaskRunner) -> None:
    async with await run(runner, task("echo", {"long": "x" * 2_000_000})) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
    spec = task("spin")
    running, told = begin(runner, spec)
    await until(lambda: told.has("spinning"))
    await runner.cancel(spec.id)
    assert (await running).kind is OutcomeKind.cancelled


async def test_a_worker_that_is_killed_is_worth_another_try(runner: ProcessTaskRunner) -> None:
    spec = task("wait")
    running, _ = begin(runner, spec)
    os.kill(await until(lambda: runner.processes().get(spec.id)), signal.SIGKILL)
    outcome = await running
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.retryable) == ("worker_killed", True)
    assert runner.processes() == {}


@pytest.mark.parametrize("name", ["server", "guard"])
async def test_killing_server_or_guard_kills_the_tasks_and_the_next_starts_a_new_one(
    runner: ProcessTaskRunner, name: str
) -> None:
    spec = task("daemonise", {"wait": True})
    running, told = begin(runner, spec)
    await until(lambda: told.has("waiting"))
    worker, daemon = await until(lambda: runner.processes().get(spec.id)), told.pid("daemon")
    program, more = begin(runner, task("start_program"))
    started = await until(lambda: more.pid("program"))
    victim = server() if name == "server" else processes("guard")[0]
    victim.kill()
    for one in await asyncio.gather(running, program):
        assert one.problem is not None
        assert (one.problem.code, one.problem.retryable) == ("worker_killed", True)
    for pid in (worker, daemon, started):
        assert not lives(pid)
    assert not runner.ready()
    async with await run(runner, task("echo")) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
    assert runner.ready()


async def test_a_server_killed_between_tasks_costs_one_retryable_answer_at_most(
    runner: ProcessTaskRunner,
) -> None:
    await until(runner.ready)
    server().kill()
    try:
        outcome = await run(runner, task("echo"))
        assert outcome.kind is OutcomeKind.succeeded or (outcome.problem and outcome.problem.retryable)
    except errors.Unavailable:
        await until(lambda: not runner.ready())
    assert (await run(runner, task("echo"))).kind is OutcomeKind.succeeded


async def test_the_spare_worker_may_be_killed(runner: ProcessTaskRunner) -> None:
    await until(runner.ready)
    for spare in server().children():
        spare.kill()
    outcome = await run(runner, task("echo"))
    assert outcome.kind is OutcomeKind.succeeded or (outcome.problem and outcome.problem.retryable)
    assert (await run(runner, task("echo"))).kind is OutcomeKind.succeeded


PARENT = """
import asyncio, sys
from pathlib import Path
from common.adapters.task_runner.process import ProcessTaskRunner
from tests.task_runs import MODULE, Told, run, task

async def main():
    told = Told()
    async with ProcessTaskRunner(Path(sys.argv[1]), functions=[f"{MODULE}:"]) as runner:
        tasks = [task("spin"), task("daemonise", {"wait": True}), task("start_program")]
        running = [asyncio.create_task(run(runner, one, told)) for one in tasks]
        while len(told.progress) < 4:
            await asyncio.sleep(0.005)
        print("running", flush=True)
        await asyncio.wait(running)

asyncio.run(main())
"""


async def test_a_killed_parent_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "work")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"running\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) >= 7  # guard, server, spare, three workers, a daemon, a program
        parent.kill()
        parent.wait()
    await until(lambda: not any(lives(process.pid) for process in family), seconds=2)


async def test_a_parent_killed_while_the_libraries_load_leaves_no_process(tmp_path: Path) -> None:
    text = PARENT.replace("functions=", "preload=['sklearn.ensemble'], functions=").replace(
        "tasks =", "print('open', flush=True); tasks ="
    )
    command = [sys.executable, "-c", text, str(tmp_path / "work")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"open\n"
        found = psutil.Process(parent.pid)
        await until(lambda: len(found.children(recursive=True)) >= 2)
        family = found.children(recursive=True)
        parent.kill()
        parent.wait()
    await until(lambda: not any(lives(process.pid) for process in family), seconds=2)


async def test_what_a_child_finds_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLEARN_TEST_SECRET", "a secret of the platform")
    limits = Limits(cpu_seconds=5.5, folder=10**9)
    async with ProcessTaskRunner(tmp_path / "work", functions=FUNCTIONS, preload=["numpy.random"]) as runner:
        found: list[dict[str, Any]] = []
        for _ in range(2):
            outcome = await run(runner, task("surroundings", limits=limits))
            assert outcome.result is not None, outcome.problem
            found.append(outcome.result)
            await outcome.release()
        for process in (*processes("guard"), *processes("fork_server")):
            assert "AUTOLEARN_TEST_SECRET" not in process.environ()
    first, second = found
    # Libraries set KMP_DUPLICATE_LIB_OK and the like for themselves.
    assert {name for name in first["environment"] if not name.startswith("KMP_")} <= {
        "PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "HOME", "TMPDIR",
        "JOBLIB_TEMP_FOLDER", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_DEFAULT_MEMORY_POOL",
    }  # fmt: skip
    assert first["environment"]["TMPDIR"] == first["folder"] == first["environment"]["HOME"]
    assert first["folder"].startswith(str(tmp_path / "work"))
    assert first["descriptors"]["0"] == os.devnull
    assert first["descriptors"]["1"] == first["descriptors"]["2"]
    assert len(first["descriptors"]) == 4  # the fourth is the pipe for progress
    assert first["limits"]["Max core file size"] == "0"
    assert first["limits"]["Max file size"] == str(10**9)
    assert first["limits"]["Max cpu time"] == "6"
    assert first["oom_score"] == "500"
    assert first["session"]
    assert first["nice"] == min(19, os.nice(0) + linux.NICE)
    assert first["random"] != second["random"]


async def test_secrets_of_a_task_never_reach_the_server(runner: ProcessTaskRunner) -> None:
    secret = os.urandom(16).hex()
    spec = task("echo", {"secret": secret})
    async with await run(runner, spec) as outcome:
        assert outcome.result is not None
    for process in (server(), *processes("guard")):
        held = writable_memory(process.pid)
        assert b"fork_server" in held
        assert secret.encode() not in held
        assert spec.key.hex().encode() not in held
        assert spec.key not in held


def writable_memory(pid: int) -> bytes:
    held = bytearray()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if rights.startswith("rw"):
                start, end = (int(part, 16) for part in place.split("-"))
                memory.seek(start)
                held += memory.read(end - start)
    return bytes(held)


async def test_threads_of_blas_are_the_share_of_the_task(tmp_path: Path) -> None:
    async with ProcessTaskRunner(tmp_path / "work", functions=FUNCTIONS, preload=["numpy"]) as runner:
        for threads in (1, 2):
            async with await run(runner, task("thread_limits", limits=Limits(threads=threads))) as outcome:
                assert outcome.result == {"threads": [threads]}


async def test_a_library_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    async with ProcessTaskRunner(tmp_path / "work", functions=FUNCTIONS, preload=["no_such_library"]) as runner:
        for _ in range(2):
            with pytest.raises(errors.Unavailable, match="no_such_library"):
                await run(runner, task("echo"))


async def test_opening_empties_the_folder_and_makes_it_private(tmp_path: Path) -> None:
    root = tmp_path / "work"
    (root / "left" / "over").mkdir(parents=True)
    (root / "file").touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    async with ProcessTaskRunner(root, functions=FUNCTIONS):
        assert is_empty(root)
        assert root.stat().st_mode & 0o777 == 0o700
        assert outside.exists()


async def test_exact_names_and_prefixes_are_allowed(tmp_path: Path) -> None:
    runner = ProcessTaskRunner(tmp_path / "work", functions=[f"{MODULE}:echo", "other.package."])
    async with runner:
        async with await run(runner, task("echo")) as outcome:
            assert outcome.kind is OutcomeKind.succeeded
        with pytest.raises(errors.Invalid):
            await run(runner, task("echo_more"))


async def test_closing_at_once_and_twice(tmp_path: Path) -> None:
    runner = ProcessTaskRunner(tmp_path / "work", functions=FUNCTIONS)
    await runner.close()
    async with runner:
        await runner.close()
