"""One running task, as the runner follows it: what it is given, what it tells, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.adapters.task_runner.drain import Drain, Lines
from common.adapters.task_runner.outcomes import CANCELLED, OUTPUT_LIMIT, Ended
from common.adapters.task_runner.server_link import ServerLink
from common.contracts.jobs import Progress
from common.ports.task_runner import TaskSpec


class TaskRun:
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
        """Have the task run, and wait until no process of it is left; None if the server went first."""
        order = {
            "task": self.folder.name,
            "folder": str(self.folder),
            "limits": vars(self._task.limits),
            "grace": grace,
        }
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
        except BaseException:  # a cancellation too: the worker must have ended before anybody goes on
            self.stop(CANCELLED)
            await asyncio.wait([ended])
            raise
        end = ended.result()
        if end is not None and self._printed > self._task.limits.output:
            # Also if it ended before it could be stopped: whether a task fails is no matter of speed.
            return replace(end, reason=end.reason or OUTPUT_LIMIT)
        return end

    async def _send_job(self, job: socket.socket) -> None:
        job.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_sendall(job, self._job())
        except ConnectionError:
            return  # the worker has ended before it had read everything; how, the server tells
        job.close()

    def _job(self) -> bytes:
        task = self._task
        job = {
            "id": task.id,
            "function": task.function,
            "request": dict(task.request),
            "key": task.key.hex(),
            "inputs": {name: str(path.absolute()) for name, path in task.inputs.items()},
            "sealed_inputs": {
                name: (str(one.path.absolute()), one.key.hex(), one.blob) for name, one in task.sealed_inputs.items()
            },
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
            self.stop(OUTPUT_LIMIT)

    def _take_progress(self, line: bytes) -> None:
        try:
            told = Progress.model_validate_json(line)
        except ValueError:
            return  # the task has written into a descriptor that is not its own
        self._on_progress(told)
