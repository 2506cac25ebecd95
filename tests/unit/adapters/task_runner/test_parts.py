"""The parts of the process runner that need no process."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

from common import errors
from common.adapters.task_runner import linux, work_folders, worker
from common.adapters.task_runner.drain import Drain, Lines
from common.adapters.task_runner.outcomes import Ended, read_outcome
from common.ports.task_runner import Limits, OutcomeKind, TaskSpec, Usage

SPEC = TaskSpec("id", "module:function", {}, bytes(32))


def test_lines_are_put_together_and_what_is_endless_is_dropped() -> None:
    lines: list[bytes] = []
    take = Lines(lines.append, most=10)
    for piece in (b"on", b"e\ntwo\nth", b"ree\n", b"x" * 11, b"rest\nfour\n"):
        take(piece)
    assert lines == [b"one", b"two", b"three", b"rest", b"four"]


async def test_a_drain_reads_to_the_end_or_until_it_is_stopped() -> None:
    for write_end_first in (True, False):
        reader, writer = os.pipe()
        got = bytearray()
        drain = Drain(reader, got.extend)
        if write_end_first:
            os.write(writer, b"x" * 1000)
            os.close(writer)
        else:
            drain.stop()
            drain.stop()
        await drain.ended
        assert len(got) == (1000 if write_end_first else 0)
        os.close(reader)
        if not write_end_first:
            os.close(writer)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (OSError(errno.ENOSPC, "full"), "storage_full", True),
        (OSError(errno.EFBIG, "large"), "disk_limit", False),
        (OSError(errno.EIO, "broken"), "task_error", False),
        (MemoryError(), "out_of_memory", False),
        (KeyboardInterrupt(), "task_error", False),
        (errors.BadData("bad"), "bad_data", False),
    ],
)
def test_what_a_function_raises_has_a_code(error: BaseException, code: str, retryable: bool) -> None:
    problem = worker._problem_of(error)
    assert (problem["code"], problem.get("retryable", False)) == (code, retryable)


@pytest.mark.parametrize(
    ("code", "reason", "kind", "problem"),
    [
        (-signal.SIGTERM, "cancelled", OutcomeKind.cancelled, None),
        (-signal.SIGKILL, "time_limit", OutcomeKind.failed, "time_limit"),
        (-signal.SIGKILL, "server_lost", OutcomeKind.failed, "worker_killed"),
        (-signal.SIGKILL, None, OutcomeKind.failed, "worker_killed"),
        (-signal.SIGXCPU, None, OutcomeKind.failed, "cpu_limit"),
        (-signal.SIGABRT, None, OutcomeKind.failed, "crashed:SIGABRT"),
        (1, None, OutcomeKind.failed, "crashed"),
        (0, None, OutcomeKind.failed, "crashed"),  # it left no result
        (0, "output_limit", OutcomeKind.failed, "output_limit"),
    ],
)
def test_how_a_worker_ended_becomes_an_outcome(
    tmp_path: Path, code: int, reason: str | None, kind: OutcomeKind, problem: str | None
) -> None:
    outcome = read_outcome(SPEC, tmp_path, Ended(code, reason, Usage()))
    assert outcome.kind is kind
    assert (outcome.problem and outcome.problem.code) == problem


def test_a_result_that_was_tampered_with_is_none(tmp_path: Path) -> None:
    (tmp_path / worker.RESULT).write_bytes(b"ALF\x01" + bytes(100))
    outcome = read_outcome(SPEC, tmp_path, Ended(0, None, Usage()))
    assert outcome.problem is not None
    assert outcome.problem.code == "crashed"


def test_a_task_whose_server_is_gone_may_be_tried_again(tmp_path: Path) -> None:
    outcome = read_outcome(SPEC, tmp_path, None)
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.retryable) == ("worker_killed", True)


def test_every_limit_has_a_sentence_with_its_number(tmp_path: Path) -> None:
    limits = Limits(wall_seconds=7.5, folder=123 * 2**20, files=45)
    spec = TaskSpec("id", "module:function", {}, bytes(32), limits=limits)
    for reason, numbers in (("time_limit", ["7.5"]), ("disk_limit", ["123 MiB", "45"])):
        outcome = read_outcome(spec, tmp_path, Ended(-9, reason, Usage()))
        assert outcome.problem is not None
        assert all(number in outcome.problem.detail for number in numbers)


def test_the_use_of_a_folder(tmp_path: Path) -> None:
    assert linux.folder_use(tmp_path / "none", 10) == (0, 0)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(bytes(10_000))
    (tmp_path / "link").symlink_to("/")
    size, count = linux.folder_use(tmp_path, 10)
    assert count == 3
    assert 10_000 <= size < 30_000
    for number in range(20):
        (tmp_path / f"file{number}").touch()
    assert linux.folder_use(tmp_path, 10)[1] == 11


def test_a_process_that_is_gone_uses_nothing() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert list(linux.children(child)) == []
    assert linux.sample(child).resident == 0
    assert linux.proportional_memory((child,)) == 0
    assert 0 < linux.proportional_memory((os.getpid(),)) <= linux.sample(os.getpid()).resident


def test_a_work_folder_without_rights_can_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    work_folders.make(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "file").touch()
    (folder / "link").symlink_to(tmp_path)
    (folder / "closed").chmod(0)
    work_folders.remove(folder)
    work_folders.remove(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_session_stands_back_where_sessions_share_the_processor() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        assert linux.go_behind(other.pid)
        with contextlib.suppress(FileNotFoundError):  # a kernel that does not group by session
            assert Path(f"/proc/{other.pid}/autogroup").read_text().split()[-1] in (str(linux.NICE), "0")
        other.kill()
    assert linux.go_behind(other.pid), "it has gone: there is nothing to do"
