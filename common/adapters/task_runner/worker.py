"""The child process that computes one task: it limits itself, calls the function, and leaves a sealed result."""

from __future__ import annotations

import errno
import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import errors
from common.adapters.task_runner import linux
from common.adapters.task_runner.task_files import ChildFiles, sealed_file
from common.ports.task_runner import RESULT_LIMIT

RESULT = "result"
_OPEN_FILES = 4096
_OOM_SCORE = 500  # of 1000: the kernel's last resort takes a task before a service


def result_blob(task_id: str) -> str:
    """The blob name that a task's result is sealed for."""
    return f"{task_id}/result"


def work(job: Mapping[str, Any], folder: Path, progress: int, keeper: int) -> None:
    """Compute the task and leave its result in the folder."""
    linux.die_with(keeper)
    _limit(job["limits"])
    _set_up_environment(folder, job["limits"]["threads"])
    faulthandler.enable()
    document = _compute(job, ChildFiles(job, folder, progress))
    body = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    sys.stdout.flush()
    sys.stderr.flush()
    with sealed_file(folder / RESULT, bytes.fromhex(job["key"]), result_blob(job["id"])) as target:
        target.write(body)


def _limit(limits: Mapping[str, Any]) -> None:
    """The limits that the kernel keeps; the address space is not one of them, libraries reserve much and use little."""
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
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()  # every child would begin with the state the server had
    if threads > 1:
        _allow_threads(threads)


def _allow_threads(threads: int) -> None:
    """Let BLAS, OpenMP and Arrow use more than the one thread the server's environment gives them."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    threadpool_limits(threads)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.set_cpu_count(threads)


THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _compute(job: Mapping[str, Any], files: ChildFiles) -> dict[str, Any]:
    """The outcome document: `{"result": …}` or `{"problem": …}`."""
    try:
        module, _, name = job["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        result = function(job["request"], files)
        if not isinstance(result, dict):
            return _problem("task_error", f"{job['function']} returned {type(result).__name__}, not a dict")
        size = len(json.dumps(result, allow_nan=False))
        if size > RESULT_LIMIT:
            return _problem("task_error", f"the result has {size} bytes of JSON; {RESULT_LIMIT} may be returned")
    except BaseException as error:  # whatever a function raises, also SystemExit, is its outcome
        return _failure(error)
    return {"result": result}


def _failure(error: BaseException) -> dict[str, Any]:
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
    return {"problem": {"code": code, "detail": detail, **more}}


def become_worker(output: int) -> None:
    """Leave the keeper's group and streams behind: a session of its own, no input, output into the pipe."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
