"""Jobs: trainings, evaluations and searches, followed until they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from autolearn import files, sse
from autolearn.aio.pages import Pages
from autolearn.backoff import Backoff
from autolearn.failures import JobFailed, Unreachable, WaitTimedOut
from autolearn.references import Named, segment
from autolearn.transport import Transport
from common import errors
from common.contracts.jobs import PATHS, JobState, Progress
from common.contracts.jobs import Job as JobRecord
from common.contracts.searches import Best

# A server that restarts is away for seconds; a job survives that, and so does whoever watches it.
RECONNECT_WITHIN = 60.0
SETTLE_WITHIN = 5.0


@dataclass(frozen=True)
class JobEvent:
    """Something a job did: a new state, progress, or a piece of output."""

    state: JobState | None = None
    ahead: int | None = None  # with the state `queued`: how many wait in front of it
    progress: Progress | None = None
    output: str | None = None
    best: Lead | None = None  # of a search: which trial has taken the lead


@dataclass(frozen=True)
class Lead:
    """The trial that leads a search when so many have ended."""

    trial: Best
    by: str
    ended: int


class Job:
    """A handle on one job: `.record` is what the server said last; `.refresh()` asks again."""

    def __init__(self, transport: Transport, record: JobRecord) -> None:
        self._transport = transport
        self.record = record

    def __repr__(self) -> str:
        return f"<{self.record.kind} {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """The full id: `trn_…`, `evl_…` or `srch_…`."""
        return self.record.id

    @property
    def kind(self) -> str:
        """`training`, `evaluation` or `search`."""
        return self.record.kind

    @property
    def state(self) -> JobState:
        """The state when it was last asked for."""
        return self.record.state

    @property
    def session(self) -> str:
        """The id of its session."""
        return self.record.session

    @property
    def result(self) -> dict[str, Any] | None:
        """Measures and all else it found; None unless it succeeded."""
        return self.record.result

    @property
    def problem(self) -> dict[str, Any] | None:
        """Why it failed, as a problem document; None unless it did."""
        return self.record.problem

    @property
    def _path(self) -> str:
        return f"{PATHS[self.kind]}/{segment(self.id)}"

    @staticmethod
    def _read(document: Any) -> JobRecord:
        return JobRecord.model_validate(document)

    async def refresh(self) -> Self:
        """Ask the server how the job is now."""
        self.record = self._read(await self._transport.get(self._path))
        return self

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> Self:
        """Wait until the job has ended, at most `timeout` seconds (then `WaitTimedOut`; the job goes on).

        A job that failed or was cancelled is returned like any other; with `check` it raises `JobFailed`.
        """
        try:
            async with asyncio.timeout(timeout):
                while not self.state.terminal:
                    async with contextlib.aclosing(self.progress()) as events:
                        async for _ in events:
                            pass
                    await self.refresh()
                    await self.settle()
        except TimeoutError as error:
            raise WaitTimedOut(
                f"{self.kind} {self.id} is still {self.state} after {timeout:g} s; it goes on"
            ) from error
        if check and self.state is not JobState.succeeded:
            raise JobFailed.of(self.record)
        return self

    async def settle(self) -> None:
        """Wait, a few seconds at most, until the session has taken the record of this ended job.

        Sessions learn of an end a moment later than whoever follows the job; without this, comparing or
        committing right after waiting would miss the job, or be refused because of it.
        """
        patience = Backoff(within=SETTLE_WITHIN, first=0.02, longest=0.5)
        with contextlib.suppress(errors.AutoLearnError):  # the job has ended well whatever its session does
            while self.id in (await self._transport.get(f"/v1/sessions/{self.session}"))["open_jobs"]:
                if not await patience.pause():
                    return

    async def cancel(self) -> Self:
        """Ask the job to stop; one that has ended already stays as it is."""
        answer = await self._transport.send("POST", f"{self._path}:cancel")
        self.record = self._read(self._transport.document(answer))
        return self

    async def artifact(self, path: str | os.PathLike[str]) -> Path:
        """Save the trained model (skops format) to `path`, checked against its digest.

        `errors.NotReady` before the end, `errors.NotFound` for jobs that are no training.
        """
        self._must_learn()
        digest = ((self.result or {}).get("artifact") or {}).get("digest")
        async with self._transport.stream(f"{self._path}/artifact") as answer:
            return await files.save(answer.aiter_bytes(), Path(path), digest=digest)

    async def onnx(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Convert the trained model to ONNX here, compare the two on the rows held out, and write it to `path`.

        Gives what was compared. Errors as `artifact` and `autolearn.aio.onnx.export`.
        """
        from autolearn.aio import onnx

        self._must_learn()
        await self.refresh()
        return await onnx.export(self._transport, self.record.request, self.result, self.artifact, path)

    def _must_learn(self) -> None:
        if self.kind != "training":
            of = f"; the model that it measured is of {self.record.training}" if self.record.training else ""
            raise errors.NotFound(f"only trainings make a model, and {self.id} is of the kind {self.kind}{of}")

    async def output(self, *, follow: bool = False) -> AsyncIterator[str]:
        """The lines it printed; `follow` waits for more until it ends."""
        params = {"follow": True} if follow else None
        async with self._transport.stream(f"{self._path}/output", params=params) as answer:
            # An unfinished last line counts too, so the end of the body ends it.
            async for line in sse.lines(_ended(answer.aiter_bytes())):
                yield line

    async def progress(self) -> AsyncGenerator[JobEvent]:
        """What happens, as it happens, until the job has ended; connects again when the stream breaks.

        The last event is the terminal state. Raises `Unreachable` if the server stays away for a minute.
        """
        patience, last = Backoff(within=RECONNECT_WITHIN, first=0.2), None
        while True:
            try:
                headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
                async with self._transport.stream(f"{self._path}/progress", headers=headers) as answer:
                    with patience.lasting():
                        async for message in sse.messages(answer.aiter_bytes()):
                            patience.reset()
                            last = message.id or last
                            if (event := _event(message)) is None:
                                continue
                            if event.state is not None:
                                self.record = self.record.model_copy(update={"state": event.state})
                            yield event
                            if event.state is not None and event.state.terminal:
                                return
                before = self.state
                if (await self.refresh()).state.terminal:
                    if self.state is not before:
                        yield JobEvent(state=self.state)
                    return
            except (Unreachable, errors.Unavailable):
                if patience.left == 0.0:
                    raise
            if not await patience.pause():
                raise Unreachable(f"the progress of {self.id} cannot be followed: the stream keeps breaking")


class Jobs:
    """`c.jobs`: trainings, evaluations and searches of every session, newest first."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, filter: str | None = None, sort: str | None = None, limit: int | None = None) -> Pages[JobRecord]:
        """Jobs, newest first; `filter` over `kind state session dataset algorithm created`."""
        return Pages(self._transport, "/v1/jobs", JobRecord, limit=limit, params={"filter": filter, "sort": sort})

    async def show(self, job: Named) -> Job:
        """A handle on one job, by its id or at least six of its last characters; of a search a `Search`."""
        record = JobRecord.model_validate(await self._transport.get(f"/v1/jobs/{segment(job)}"))
        if record.kind == "search":
            from autolearn.aio.searches import Search

            return await Search.of(self._transport, record.id)
        return Job(self._transport, record)


async def _ended(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    last = b"\n"
    async for chunk in chunks:
        last = chunk or last
        yield chunk
    if not last.endswith(b"\n"):
        yield b"\n"


def _event(message: sse.Message) -> JobEvent | None:
    """The event of a message; None for a kind that this client does not know yet."""
    match message.event:
        case "state":
            said = message.json()
            return JobEvent(state=JobState(said["state"]), ahead=said.get("ahead"))
        case "progress":
            return JobEvent(progress=Progress.model_validate(message.json()))
        case "best":
            said = message.json()
            return JobEvent(best=Lead(Best.model_validate(said), said["by"], said["ended"]))
        case "output":
            return JobEvent(output=str(message.json()["text"]))
    return None
