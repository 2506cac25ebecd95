"""The child process that computes one task: limits itself, calls the function, leaves a sealed result."""

from __future__ import annotations

import errno
import faulthandler
import importlib
import io
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import threadpoolctl

from common import errors
from common.adapters.task_runner import linux
from common.adapters.task_runner.task_files import ChildFiles, sealed_file
from common.ports.task_runner import RESULT_LIMIT
from common.records.frames import seal_stream

RESULT = "result"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OPEN_FILES = 4096
_OOM_SCORE = 500  # of 1000: the kernel's last resort takes a task before a service


def result_blob(task_id: str) -> str:
    """The blob name that a task's result is sealed for."""
    return f"{task_id}/result"


def work(assignment: socket.socket, server: int) -> None:
    """Wait for a task, compute it, and leave its result in its folder; called right after the fork.

    `assignment` gives three descriptors: the job (JSON up to its end, straight from the runner, so that the
    server never sees a key), the pipe for output, the one for progress. Its end without them: nothing to do.
    """
    linux.die_with(server)
    linux.gain_no_privileges()
    os.setsid()
    os.nice(linux.NICE)
    linux.go_behind(os.getpid())
    _rehearse()
    _, descriptors, _, _ = socket.recv_fds(assignment, 1, 3)
    assignment.close()
    if not descriptors:
        return
    job_channel, output, progress = descriptors
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, stream in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, stream)
    os.close(nothing)
    os.close(output)
    with open(job_channel, "rb") as source:
        job = json.loads(source.read())
    folder = Path(job["folder"])
    _limit(job["limits"])
    _set_up_environment(folder, job["limits"]["threads"])
    body = _compute(job, ChildFiles(job, folder, progress))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not flushed to disk: after a crash of the machine nobody asks for it, all work folders are removed.
    sealed = sealed_file(folder / RESULT, bytes.fromhex(job["key"]), result_blob(job["id"]), durable=False)
    with sealed as target:
        target.write(body)


def _rehearse() -> None:
    """What every task needs, done while waiting for one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what was printed before a crash shall not be lost with it
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    seal_stream(io.BytesIO(), io.BytesIO(), key=bytes(32), name="")
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()  # else every child began with the state the server had


def _limit(limits: Mapping[str, Any]) -> None:
    """The limits that the kernel keeps. Not address space: libraries reserve much and use little of it."""
    if limits["cpu_seconds"] is not None:
        seconds = int(limits["cpu_seconds"]) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["folder"], limits["folder"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))


def _set_up_environment(folder: Path, threads: int) -> None:
    temporary = folder / "temporary"
    temporary.mkdir()
    # Libraries that would use /dev/shm or the home folder stay inside the limits, and leave nothing.
    os.environ.update(HOME=str(temporary), TMPDIR=str(temporary), JOBLIB_TEMP_FOLDER=str(temporary))
    os.chdir(temporary)
    if threads > 1:
        _allow_threads(threads)


def _allow_threads(threads: int) -> None:
    """Let BLAS, OpenMP and Arrow use more than the one thread the server's environment gives them."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    threadpoolctl.threadpool_limits(threads)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.set_cpu_count(threads)


def _compute(job: Mapping[str, Any], files: ChildFiles) -> bytes:
    """The outcome as JSON: `{"result": …}` or `{"problem": …}`."""
    try:
        module, _, name = job["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        result = function(job["request"], files)
        if not isinstance(result, dict):
            raise TypeError(f"{job['function']} returned {type(result).__name__}, not a dict")
        body = _json({"result": result})
        if len(body) > RESULT_LIMIT:
            raise ValueError(f"the result has {len(body)} bytes of JSON; {RESULT_LIMIT} may be returned")
        return body
    except BaseException as error:  # whatever a function raises, SystemExit too, is its outcome
        return _json({"problem": _problem_of(error)})


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _problem_of(error: BaseException) -> dict[str, Any]:
    if isinstance(error, errors.AutoLearnError):
        flaws = [flaw.document() for flaw in error.flaws]
        return _problem(error.code, error.detail, retryable=error.retryable, errors=flaws)
    traceback.print_exception(error)
    if isinstance(error, MemoryError):
        return _problem("out_of_memory", "the task asked for more memory than there is")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return _problem("disk_limit", "the task wrote a file larger than it may")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = errors.StorageFull("there is no room left on the disk of the task's work folder")
        return _problem(full.code, full.detail, retryable=full.retryable)
    return _problem("task_error", f"{type(error).__name__}: {error}"[:2000])


def _problem(code: str, detail: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "detail": detail, **more}
