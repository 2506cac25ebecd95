"""The contract of the task runner, for every adapter."""

from __future__ import annotations

import asyncio
import io
import secrets
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.adapters.task_runner.process import ProcessTaskRunner
from common.ports.task_runner import Limits, OutcomeKind, SealedInput, TaskRunner, TaskSpec
from common.records.frames import open_bytes, seal_stream
from tests.task_runs import MODULE, Told, begin, is_empty, lives, run, task, until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture(params=["process"])
async def runner(root: Path) -> AsyncIterator[TaskRunner]:
    async with ProcessTaskRunner(root, functions=[f"{MODULE}:"], grace=0.2) as opened:
        yield opened


async def problem(runner: TaskRunner, spec: TaskSpec, told: Told | None = None) -> Any:
    async with await run(runner, spec, told) as outcome:
        assert (outcome.kind, outcome.result) == (OutcomeKind.failed, None)
        assert outcome.problem is not None
        assert outcome.outputs == {}
        return outcome.problem


async def test_a_function_gets_its_request_and_gives_its_result(runner: TaskRunner, root: Path) -> None:
    request = {"text": "Grüße\n", "number": 1.5, "list": [None, {}], "long": "x" * 300_000}
    async with await run(runner, task("echo", request)) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
        assert (outcome.result, outcome.problem) == ({"request": request}, None)
    assert is_empty(root)


async def test_progress_and_output_arrive_in_order(runner: TaskRunner) -> None:
    told = Told()
    async with await run(runner, task("talk"), told):
        assert [(one.step, one.fraction) for one in told.progress] == [("reading", 0.25), ("fitting", 1.0)]
        assert told.progress[0].message == "half way to the half"
        assert sorted(bytes(told.output).splitlines()) == [b"to error", b"to output"]


async def test_inputs_and_outputs(runner: TaskRunner, tmp_path: Path) -> None:
    content, key = secrets.token_bytes(3_000_000), secrets.token_bytes(32)
    plain, hidden = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"plain content")
    with hidden.open("wb") as target:
        seal_stream(io.BytesIO(content), target, key=key, name="training/a/1")
    spec = task(
        "copy",
        inputs={"plain": plain},
        sealed_inputs={"sealed": SealedInput(hidden, key, "training/a/1")},
        sealed_outputs={"sealed": "training/b/1"},
        plain_outputs=frozenset({"plain"}),
    )
    async with await run(runner, spec) as outcome:
        assert outcome.kind is OutcomeKind.succeeded, outcome.problem
        assert outcome.outputs["plain"].read_bytes() == b"plain content"
        with outcome.outputs["sealed"].open("rb") as source:
            assert open_bytes(source, spec.key, "training/b/1") == content
        for wrong_key, wrong_name in ((key, "training/b/1"), (spec.key, "training/a/1")):
            with outcome.outputs["sealed"].open("rb") as source, pytest.raises(errors.IntegrityError):
                open_bytes(source, wrong_key, wrong_name)
    assert hidden.exists()


async def test_nothing_in_the_clear_is_left_of_sealed_things(runner: TaskRunner, root: Path, tmp_path: Path) -> None:
    secret = "a text nobody may read"
    plain = tmp_path / "plain"
    plain.write_text("x")
    hidden = tmp_path / "sealed"
    key = secrets.token_bytes(32)
    with hidden.open("wb") as target:
        seal_stream(io.BytesIO(secret.encode()), target, key=key, name="a")
    spec = task(
        "copy",
        {"secret": secret},
        inputs={"plain": plain},
        sealed_outputs={"sealed": "b"},
        sealed_inputs={"sealed": SealedInput(hidden, key, "a")},
        plain_outputs=frozenset({"plain"}),
    )
    async with await run(runner, spec) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
        left = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
        assert len(left) == 3
        assert not any(secret.encode() in data or spec.key in data for data in left)


async def test_half_an_output_and_a_link_are_no_outputs(runner: TaskRunner) -> None:
    spec = task("half_written", sealed_outputs={"sealed": "b"}, plain_outputs=frozenset({"plain"}))
    async with await run(runner, spec) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
        assert outcome.outputs == {}


async def test_a_sealed_input_that_was_changed_is_refused(runner: TaskRunner, tmp_path: Path) -> None:
    hidden = tmp_path / "sealed"
    hidden.write_bytes(bytes(100))
    spec = task(
        "copy",
        sealed_inputs={"sealed": SealedInput(hidden, bytes(32), "a")},
        sealed_outputs={"sealed": "b"},
    )
    assert (await problem(runner, spec)).code == "integrity"


@pytest.mark.parametrize(
    ("name", "code", "retryable", "detail"),
    [
        ("fail", "task_error", False, "ZeroDivisionError: a failure of the task"),
        ("unknown_name", "internal", False, "no such output"),
        ("refuse", "bad_data", False, "no column"),
        ("be_unavailable", "unavailable", True, "come back"),
        ("leave", "task_error", False, "SystemExit: 3"),
        ("leave_hard", "crashed", True, "exited with 3"),
        ("wrong_type", "task_error", False, "returned list"),
        ("not_a_number", "task_error", False, "JSON"),
        ("segfault", "crashed:SIGSEGV", True, "SIGSEGV"),
        ("ask_for_too_much", "out_of_memory", False, "memory"),
        ("no_such_function", "task_error", False, "no_such_function"),
    ],
)
async def test_what_goes_wrong_has_a_code(
    runner: TaskRunner, root: Path, name: str, code: str, retryable: bool, detail: str
) -> None:
    found = await problem(runner, task(name))
    assert (found.code, found.retryable) == (code, retryable)
    assert detail in found.detail
    assert is_empty(root)


async def test_flaws_come_through(runner: TaskRunner) -> None:
    found = await problem(runner, task("refuse"))
    flaw = {"pointer": "/target", "code": "missing", "detail": "there is no column y", "suggestions": ["x"]}
    assert found.document() == {"code": "bad_data", "detail": "no column", "errors": [flaw]}


async def test_tracebacks_are_output(runner: TaskRunner) -> None:
    for name, text in (("fail", b"ZeroDivisionError"), ("segfault", b"Segmentation fault")):
        told = Told()
        await problem(runner, task(name), told)
        assert text in told.output
        assert b"tasks_for_tests.py" in told.output


async def test_a_result_is_bounded(runner: TaskRunner) -> None:
    async with await run(runner, task("large_result", {"size": 8_000_000})) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
    assert (await problem(runner, task("large_result", {"size": 9_000_000}))).code == "task_error"


@pytest.mark.parametrize(
    ("name", "limits", "code"),
    [
        ("eat_memory", Limits(memory=300 * 2**20), "out_of_memory"),
        ("eat_memory_with_numpy", Limits(memory=300 * 2**20), "out_of_memory"),
        ("eat_memory_in_child", Limits(memory=300 * 2**20), "out_of_memory"),
        ("wait", Limits(wall_seconds=0.3), "time_limit"),
        ("spin", Limits(wall_seconds=0.3), "time_limit"),
        ("spin", Limits(cpu_seconds=0.3), "cpu_limit"),
        ("flood_output", Limits(output=100_000), "output_limit"),
        ("flood_disk", Limits(folder=50 * 2**20), "disk_limit"),
        ("one_large_file", Limits(folder=50 * 2**20), "disk_limit"),
        ("many_files", Limits(files=500), "disk_limit"),
        ("fork_bomb", Limits(processes=30), "limit:processes"),
    ],
)
async def test_limits_are_kept(runner: TaskRunner, root: Path, name: str, limits: Limits, code: str) -> None:
    told, began = Told(), time.monotonic()
    found = await problem(runner, task(name, limits=limits), told)
    assert (found.code, found.retryable) == (code, False)
    assert len(told.output) <= limits.output
    assert time.monotonic() - began < 45  # as promised; tasks stand back, also behind the other tests of this machine
    assert is_empty(root)


async def test_a_group_that_is_killed_wholly_is_worth_another_try(runner: TaskRunner, root: Path) -> None:
    found = await problem(runner, task("kill_the_group"))
    assert (found.code, found.retryable) == ("worker_killed", True)
    assert is_empty(root)
    async with await run(runner, task("echo")) as outcome:
        assert outcome.kind is OutcomeKind.succeeded


async def test_a_little_too_much_output_is_too_much_though_the_task_has_ended(runner: TaskRunner) -> None:
    told = Told()
    assert (await problem(runner, task("talk", limits=Limits(output=10)), told)).code == "output_limit"
    assert len(told.output) == 10


async def test_output_is_not_lost_with_the_task(runner: TaskRunner) -> None:
    spec = task("wait")
    running, told = begin(runner, spec)
    await until(lambda: bytes(told.output) == b"before the end\n")
    await runner.cancel(spec.id)
    await running


async def test_threads_count_as_processes(runner: TaskRunner) -> None:
    assert (await problem(runner, task("many_threads", {"count": 30}, limits=Limits(processes=20)))).code == (
        "limit:processes"
    )


async def test_a_cancelled_task_ends_though_it_ignores_the_request(runner: TaskRunner, root: Path) -> None:
    spec = task("spin")
    running, told = begin(runner, spec)
    await until(lambda: told.has("spinning"))
    assert await runner.cancel(spec.id)
    async with await running as outcome:
        assert (outcome.kind, outcome.result, outcome.problem) == (OutcomeKind.cancelled, None, None)
        assert outcome.usage.seconds >= 0.2
    assert not await runner.cancel(spec.id)
    assert is_empty(root)


async def test_a_task_can_be_cancelled_before_it_has_started(runner: TaskRunner) -> None:
    spec = task("wait")
    running, _ = begin(runner, spec)
    while not await runner.cancel(spec.id):
        await asyncio.sleep(0)
    async with await running as outcome:
        assert outcome.kind is OutcomeKind.cancelled


async def test_cancelling_the_caller_leaves_nothing(runner: TaskRunner, root: Path) -> None:
    running, told = begin(runner, task("start_program"))
    program = await until(lambda: told.pid("program"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not lives(program)
    await until(lambda: is_empty(root))


async def test_cancelling_an_impatient_caller_twice_leaves_nothing(runner: TaskRunner, root: Path) -> None:
    running, told = begin(runner, task("spin"))
    await until(lambda: told.has("spinning"))
    for _ in range(2):
        running.cancel()
        await asyncio.wait([running], timeout=0.01)
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: is_empty(root))


async def test_daemons_do_not_get_away(runner: TaskRunner) -> None:
    told = Told()
    async with await run(runner, task("daemonise"), told) as outcome:
        assert outcome.kind is OutcomeKind.succeeded
        daemon = told.pid("daemon")
        assert daemon is not None
        assert not lives(daemon)


async def test_two_tasks_at_once_do_not_disturb_each_other(runner: TaskRunner) -> None:
    slow = task("wait")
    running, told = begin(runner, slow)
    await until(lambda: told.has("waiting"))
    assert (await problem(runner, task("segfault"))).code == "crashed:SIGSEGV"
    both = await asyncio.gather(*(run(runner, task("echo", {"n": n})) for n in range(5)))
    assert [one.result for one in both] == [{"request": {"n": n}} for n in range(5)]
    for one in both:
        await one.release()
    assert not running.done()
    await runner.cancel(slow.id)
    assert (await running).kind is OutcomeKind.cancelled


async def test_usage_is_plausible(runner: TaskRunner) -> None:
    async with await run(runner, task("compute")) as outcome:
        assert 0.5 <= outcome.usage.cpu_seconds < 2
        assert 0.5 <= outcome.usage.seconds < 8
        assert 100 * 2**20 <= outcome.usage.peak_memory < 300 * 2**20


@pytest.mark.parametrize(
    "function",
    ["json:loads", f"{MODULE}2:run", f"{MODULE}:", f"{MODULE}:os.system", f"{MODULE}:__name__", ""],
)
async def test_a_function_that_is_not_allowed_is_refused(runner: TaskRunner, function: str) -> None:
    with pytest.raises(errors.Invalid, match="not a function that tasks may run"):
        await run(runner, TaskSpec("id", function, {}, bytes(32)))


@pytest.mark.parametrize(
    "more",
    [
        {"id": "../escape"},
        {"id": ""},
        {"plain_outputs": {"a/b"}},
        {"sealed_outputs": {"..": "b"}},
        {"key": b"short"},
    ],
)
async def test_bad_names_and_keys_are_refused(runner: TaskRunner, more: dict[str, Any]) -> None:
    with pytest.raises(errors.Invalid):
        await run(runner, task("echo", **more))


async def test_an_id_that_is_running_is_refused(runner: TaskRunner) -> None:
    spec = task("wait")
    running, told = begin(runner, spec)
    await until(lambda: told.has("waiting"))
    with pytest.raises(errors.Conflict):
        await run(runner, spec)
    await runner.cancel(spec.id)
    await running


async def test_a_callback_that_raises_ends_the_task(runner: TaskRunner, root: Path) -> None:
    def raises(_: object) -> None:
        raise LookupError("a fault of the caller")

    with pytest.raises(LookupError):
        await runner.run(task("wait"), on_progress=raises, on_output=raises)
    await until(lambda: is_empty(root))


async def test_closing_cancels_what_runs_and_then_nothing_starts(root: Path) -> None:
    runner = ProcessTaskRunner(root, functions=[f"{MODULE}:"], grace=0.2)
    async with runner:
        running, told = begin(runner, task("wait"))
        await until(lambda: told.has("waiting"))
        await runner.close()
        assert (await running).kind is OutcomeKind.cancelled
    assert not runner.ready()
    with pytest.raises(errors.Unavailable):
        await run(runner, task("echo"))


async def test_it_becomes_ready(runner: TaskRunner) -> None:
    await until(runner.ready)


async def test_termination_by_a_signal_from_outside(runner: TaskRunner) -> None:
    for number, code in ((signal.SIGKILL, "worker_killed"), (signal.SIGTERM, "crashed:SIGTERM")):
        found = await problem(runner, task("kill_itself", {"signal": int(number)}))
        assert (found.code, found.retryable) == (code, True)
