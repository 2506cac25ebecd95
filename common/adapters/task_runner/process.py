"""The task runner of one machine: every task is a child of a fork server, which watches it.

    runner (this process) ── guard ── fork server ── worker, one per task ── whatever the task starts

Whichever of them is killed, those on its right end: workers and server with their parents, the rest because
server and guard adopt orphans. The runner reads output and progress of each task, and from the server how it
ended.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from common import errors
from common.adapters.task_runner import work_folders
from common.adapters.task_runner.outcomes import CANCELLED, read_outcome
from common.adapters.task_runner.server_link import ServerLink
from common.adapters.task_runner.task_run import TaskRun
from common.contracts.jobs import Progress
from common.ports.task_runner import TaskOutcome, TaskRunner, TaskSpec

_FUNCTION = re.compile(r"[a-z]\w*(\.[a-z]\w*)*:[a-z]\w*", re.ASCII)
_NAME = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


class ProcessTaskRunner(TaskRunner):
    """Runs tasks in processes of this machine.

    `root` is a folder of its own, emptied at opening. `functions` is the allow-list: exact names, or prefixes
    that end in a dot or colon. `preload` are the modules that the fork server loads, or `module:function` that it
    calls once besides, `grace` the seconds from SIGTERM to SIGKILL.
    """

    def __init__(
        self, root: Path, *, functions: Sequence[str], preload: Sequence[str] = (), grace: float = 5.0
    ) -> None:
        self._root = root.absolute()
        self._functions = tuple(functions)
        self._preload = tuple(preload)
        self._grace = grace
        self._server: ServerLink | None = None
        self._runs: dict[str, TaskRun] = {}
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
        orders = {name: run.folder.name for name, run in self._runs.items()}
        return {name: workers[order] for name, order in orders.items() if order in workers}

    async def run(
        self,
        task: TaskSpec,
        *,
        on_progress: Callable[[Progress], None],
        on_output: Callable[[bytes], None],
    ) -> TaskOutcome:
        self._check(task)
        folder = self._root / f"{task.id}.{secrets.token_hex(4)}"
        run = self._runs[task.id] = TaskRun(task, folder, on_progress, on_output)
        try:
            server = self._living_server()
            await server.wait_ready()
            await asyncio.to_thread(work_folders.make, folder)
            ended = await run.to_end(server, self._grace)
            outcome = await asyncio.to_thread(read_outcome, task, folder, ended)
        except BaseException:  # a cancellation too must leave no folder behind
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
                raise errors.Invalid(f"{name!r} is no name: use letters, digits, _ . - and begin without . -")
        if len(task.key) != 32:
            raise errors.Invalid(f"the key of an attempt has 32 bytes, this one {len(task.key)}")
        if task.id in self._runs:
            raise errors.Conflict(f"a task called {task.id} is running already")

    def _living_server(self) -> ServerLink:
        if self._server is None or not self._server.alive:
            self._server = ServerLink(self._preload)
        return self._server
