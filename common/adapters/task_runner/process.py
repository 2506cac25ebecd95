"""The task runner of one machine: every task is a child of a fork server, which watches it.

    runner (this process) ── guard ── fork server ── worker, one per task ── whatever the task starts

Whichever of them is killed, those on its right end: workers and server with their parents, the rest because server
and guard adopt orphans. The runner reads of each task its output and its progress, and of the server how it ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common import errors
from common.adapters.task_runner import work_folders
from common.adapters.task_runner.drain import Drain, Lines
from common.adapters.task_runner.outcomes import CANCELLED, Ended, read_outcome
from common.adapters.task_runner.server_link import ServerLink
from common.contracts.jobs import Progress
from common.ports.task_runner import TaskOutcome, TaskRunner, TaskSpec

_FUNCTION = re.compile(r"[a-z]\w*(\.[a-z]\w*)*:[a-z]\w*", re.ASCII)
_NAME = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


class ProcessTaskRunner(TaskRunner):
    """Runs tasks in processes of this machine.

    `root` is a folder of its own, emptied at opening. `functions` is the allow-list: exact names, or prefixes that end
    in a dot or colon. `preload` are the modules the fork server loads; `grace` are the seconds from SIGTERM to SIGKILL.
    """

    def __init__(
        self, root: Path, *, functions: Sequence[str], preload: Sequence[str] = (), grace: float = 5.0
    ) -> None:
        self._root = root.absolute()
        self._functions = tuple(functions)
        self._preload = tuple(preload)
        self._grace = grace
        self._server: ServerLink | None = None
        self._runs: dict[str, _Run] = {}
        self._open = False

    async def open(self) -> None:
        await asyncio.to_thread(work_folders.empty, self._root)
        self._server = ServerLink(self._preload)
        self._open = True

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        over = [run.over for run in self._runs.values()]
        for run in self._runs.values():
            run.stop(CANCELLED)
        if self._server is not None:
            if over and self._server.ready:
                await asyncio.wait(over)
            await self._server.close()
        if over:
            await asyncio.wait(over)

    def ready(self) -> bool:
        return self._open and self._server is not None and self._server.ready

    def processes(self) -> dict[str, int]:
        """The worker's process id of every running task that has one."""
        workers = self._server.workers if self._server is not None else {}
        return {name: workers[run.folder.name] for name, run in self._runs.items() if run.folder.name in workers}

    async def run(
        self,
        task: TaskSpec,
        *,
        on_progress: Callable[[Progress], None],
        on_output: Callable[[bytes], None],
    ) -> TaskOutcome:
        self._check(task)
        folder = self._root / f"{task.id}.{secrets.token_hex(4)}"
        run = self._runs[task.id] = _Run(task, folder, on_progress, on_output)
        try:
            server = self._living_server()
            await server.wait_ready()
            await asyncio.to_thread(work_folders.make, folder)
            ended = await run.to_end(server, self._grace)
            outcome = await asyncio.to_thread(read_outcome, task, folder, ended)
        except BaseException:
            # Not awaited: a second cancellation would leave the folder behind.
            asyncio.get_running_loop().run_in_executor(None, work_folders.remove, folder)
            raise
        finally:
            del self._runs[task.id]
            run.over.set_result(None)
        return outcome

    async def cancel(self, task_id: str) -> bool:
        run = self._runs.get(task_id)
        if run is None:
            return False
        run.stop(CANCELLED)
        return True

    def _check(self, task: TaskSpec) -> None:
        if not self._open:
            raise errors.Unavailable("the task runner is closed")
        allowed = any(
            task.function.startswith(entry) if entry.endswith((".", ":")) else task.function == entry
            for entry in self._functions
        )
        if not allowed or not _FUNCTION.fullmatch(task.function):
            raise errors.Invalid(f"{task.function!r} is not a function that tasks may run")
        for name in (task.id, *task.sealed_outputs, *task.plain_outputs):
            if not _NAME.fullmatch(name):
                raise errors.Invalid(f"{name!r} is not a name: use letters, digits, _ . - and begin with one of the first three")
        if len(task.key) != 32:
            raise errors.Invalid(f"the key of an attempt has 32 bytes, this one {len(task.key)}")
        if task.id in self._runs:
            raise errors.Conflict(f"a task called {task.id} is running already")

    def _living_server(self) -> ServerLink:
        if self._server is None or not self._server.alive:
            self._server = ServerLink(self._preload)
        return self._server


class _Run:
    """One task between `run` and its outcome."""

    def __init__(
        self,
        task: TaskSpec,
        folder: Path,
        on_progress: Callable[[Progress], None],
        on_output: Callable[[bytes], None],
    ) -> None:
        self.folder = folder
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = task
        self._on_progress = on_progress
        self._on_output = on_output
        self._printed = 0
        self._server: ServerLink | None = None
        self._reason: str | None = None

    def stop(self, reason: str) -> None:
        """Have the task stopped; remembered if it has not started yet. The first reason stands."""
        if self._reason is None:
            self._reason = reason
            self._forward_stop()

    def _forward_stop(self) -> None:
        if self._server is not None and self._reason is not None:
            self._server.stop(self.folder.name, self._reason)

    async def to_end(self, server: ServerLink, grace: float) -> Ended | None:
        """Have the task run, and wait until no process of it is left; None if the server did not tell how it went."""
        order = {"task": self.folder.name, "folder": str(self.folder), "limits": vars(self._task.limits), "grace": grace}
        job, their_job = socket.socketpair()
        output, their_output = os.pipe()
        progress, their_progress = os.pipe()
        drains: list[Drain] = []
        try:
            try:
                ended = server.start(order, [their_job.fileno(), their_output, their_progress])
            finally:
                their_job.close()
                os.close(their_output)
                os.close(their_progress)
            self._server = server
            self._forward_stop()
            drains = [Drain(output, self._take_output), Drain(progress, Lines(self._take_progress))]
            return await self._follow(ended, job, [drain.ended for drain in drains])
        finally:
            for drain in drains:
                drain.stop()
            job.close()
            os.close(output)
            os.close(progress)

    async def _follow(
        self, ended: asyncio.Future[Ended | None], job: socket.socket, streams: Sequence[asyncio.Future[None]]
    ) -> Ended | None:
        try:
            await self._send_job(job)
            waiting: list[asyncio.Future[Any]] = [ended, *streams]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
            for stream in streams:
                if stream.done():
                    stream.result()  # raises what a callback raised
        except BaseException:
            self.stop(CANCELLED)
            await asyncio.wait([ended])
            raise
        return ended.result()

    async def _send_job(self, job: socket.socket) -> None:
        job.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_sendall(job, self._job())
        except ConnectionError:
            return  # the worker has ended before it had read everything; how, the server tells
        job.close()

    def _job(self) -> bytes:
        task = self._task
        sealed = {name: (str(one.path.absolute()), one.key.hex(), one.blob) for name, one in task.sealed_inputs.items()}
        job = {
            "id": task.id,
            "function": task.function,
            "request": dict(task.request),
            "key": task.key.hex(),
            "inputs": {name: str(path.absolute()) for name, path in task.inputs.items()},
            "sealed_inputs": sealed,
            "sealed_outputs": dict(task.sealed_outputs),
            "plain_outputs": sorted(task.plain_outputs),
            "limits": vars(task.limits),
            "folder": str(self.folder),
        }
        return json.dumps(job).encode()

    def _take_output(self, piece: bytes) -> None:
        room = self._task.limits.output - self._printed
        self._printed += len(piece)
        if room > 0:
            self._on_output(piece[:room])
        if len(piece) > room:
            self.stop("output_limit")

    def _take_progress(self, line: bytes) -> None:
        try:
            told = Progress.model_validate_json(line)
        except ValueError:
            return  # the task has written into a descriptor that is not its own
        self._on_progress(told)
