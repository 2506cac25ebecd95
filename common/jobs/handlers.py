"""Use cases that trainings, evaluations and searches share: submit, look, cancel, commit, remove."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import concurrency, context, errors, ids, times
from common.contracts.jobs import Job, JobState
from common.filtering.conditions import Comparison
from common.http import calls
from common.http.asked import Asked
from common.http.client import ServiceClient
from common.jobs import repository
from common.jobs.keys import SessionKeys
from common.jobs.model import terminal
from common.jobs.views import JobViews
from common.ports.record_store import Record
from common.records import references, sealed_fields
from common.records.event import canonical
from common.records.repository import Decision, Repository
from common.runtime import Runtime

PREFIXES = {"training": "trn", "evaluation": "evl", "search": "srch"}


@dataclass(frozen=True)
class Submission:
    """A job that passed validation: its session, its confidential request and what is known of it in clear."""

    session: str
    request: Mapping[str, Any]
    plain: Mapping[str, Any]
    sealed: Mapping[str, Any] = field(default_factory=dict)  # further confidential fields


class JobHandlers:
    """The jobs of one kind."""

    def __init__(self, runtime: Runtime, kind: str, sessions: ServiceClient, *, jobs: Repository | None = None) -> None:
        self.runtime, self.kind, self.sessions = runtime, kind, sessions
        self.jobs: Repository = jobs or repository.repository(runtime, kind)
        self.keys = SessionKeys(sessions)
        self.views = JobViews(kind, self.jobs, self.keys, runtime.blobs)

    # Submitting.

    def marked(self, asked: Asked[Any], key: str | None) -> tuple[dict[str, Any], dict[str, str]]:
        """The body of a request, and what marks the job that it makes: nothing where it is wrong, and makes none."""
        body = asked.document()
        return body, {} if asked.flaws else self.fingerprints(key, body)

    def fingerprints(self, key: str | None, body: Mapping[str, Any]) -> dict[str, str]:
        """What of an idempotency key and its body is kept with the record: HMACs, since bodies are confidential."""
        if key is None:
            return {}
        keyring = self.runtime.keyring
        return {
            "idempotency_key": keyring.fingerprint("idempotency", f"{self.kind}/{key}".encode()),
            "body": keyring.fingerprint("body", canonical(body)),
        }

    async def replayed(self, marks: Mapping[str, str]) -> Record | None:
        """The job that this key has made before. Raises `errors.KeyReused` when that was for another body."""
        if not marks:
            return None
        record = await repository.by_key(self.jobs, marks["idempotency_key"])
        if record and record.state["body"] != marks["body"]:
            raise errors.KeyReused(f"this Idempotency-Key made {record.id} from another request; use a new key")
        return record

    async def submit(self, submission: Submission, marks: Mapping[str, str], identifier: str | None = None) -> Record:
        """Reserve the job in its session and write it down; it runs as soon as a slot is free.

        With an `identifier` that is derived, a job that is there already is the one that was asked for. Raises
        `errors.TooManyRequests` when too many wait already, `errors.AlreadyExists` when the idempotency key has made
        another job meanwhile, and what reserving raises; then nothing is left of it.
        """
        if await repository.queued(self.jobs) >= self.runtime.settings.queue_limit:
            raise errors.TooManyRequests(f"too many {self.kind}s are waiting already", retry_after=10)
        if identifier and (there := await self.jobs.find(identifier)):
            return there
        job = identifier or ids.new_id(PREFIXES[self.kind])
        reserved = await self.sessions.call(
            "POST", f"/internal/sessions/{submission.session}:reserve", body={"job": job, "kind": self.kind}
        )
        key = self.keys.remember(reserved["session"], reserved["key"])
        confidential = {"request": submission.request, **submission.sealed}
        try:
            sealed = await sealed_fields.seal(self.runtime.blobs, key, job, confidential, prefix=f"{self.kind}/{job}")
            data = {
                "session": reserved["session"],
                **submission.plain,
                "trace_id": context.current().trace_id,
                "created": times.now(),
                "attempt": 0,
                "sealed": sealed.tokens,
                **({"blobs": sealed.blobs} if sealed.blobs else {}),
                **marks,
            }
            record = await self.jobs.create(job, f"{self.kind}.queued", data)
        except errors.AutoLearnError as error:
            if identifier and isinstance(error, errors.AlreadyExists):
                return await self.jobs.get(job)
            await self._release(reserved["session"], job)
            raise
        calls.note(session=reserved["session"], record=job, payload=sealed.tokens["request"])
        await self.runtime.ring(f"{self.kind}.queued", job=job)
        return record

    async def submit_once(self, submission: Submission, marks: Mapping[str, str]) -> tuple[Record, bool]:
        """`submit`, and whether it is another request's job: of two with one key at the same moment one is first."""
        try:
            return await self.submit(submission, marks), False
        except errors.AlreadyExists:
            if first := await self.replayed(marks):
                return first, True
            raise

    async def _release(self, session: str, job: str) -> None:
        with contextlib.suppress(errors.AutoLearnError):  # the session service releases it by itself after a minute
            await self.sessions.call("POST", f"/internal/sessions/{session}:release", body={"job": job})

    # Looking.

    async def get(self, reference: str) -> Record:
        """The job that a reference names."""
        return await references.by_id(self.jobs, reference)

    async def show(self, reference: str) -> Job:
        """The whole job."""
        return await self.views.full(await self.get(reference))

    async def ended(self, record: Record, timeout: float) -> Record:
        """The job once it has ended, or as it is after `timeout` seconds."""

        async def look() -> Record | None:
            found = await self.jobs.get(record.id)
            return found if terminal(found.state) else None

        if timeout <= 0:
            return record
        return await self.runtime.notifier.until(record.id, look, timeout) or await self.jobs.get(record.id)

    # Changing.

    async def cancel(self, reference: str) -> Record:
        """Ask a job to stop. One that waits is cancelled at once, one that has ended stays as it is."""
        found = await self.get(reference)

        def decide(record: Record) -> Decision | None:
            match record.state["state"]:
                case JobState.queued:
                    return Decision(f"{self.kind}.cancelled", {"ended": times.now()})
                case JobState.running:
                    return Decision(f"{self.kind}.cancel_requested")
            return None

        record = await self.jobs.decide(found.id, decide)
        if terminal(record.state):
            await self.finished(record)
        else:
            await self.runtime.ring(f"{self.kind}.cancel", job=record.id)
        return record

    async def finished(self, record: Record) -> None:
        """Tell everybody who waits that the job has ended."""
        await self.runtime.ring(f"{self.kind}.finished", job=record.id)

    async def commit(self, identifier: str, experiment: str) -> Record:
        """The job is part of `experiment` now, which has its own copy of what is confidential."""

        def decide(record: Record) -> Decision | None:
            if record.state.get("experiment") == experiment:
                return None
            return Decision(f"{self.kind}.committed", {"experiment": experiment})

        return await self.jobs.decide(identifier, decide)

    async def commit_all(self, experiments: Mapping[str, str]) -> None:
        """`commit` for jobs with the experiment of each."""
        await concurrency.each(experiments.items(), lambda one: self.commit(*one))

    async def remove(self, identifier: str, reason: str) -> Record:
        """The job was dropped from its session, or went with it: nothing confidential of it stays."""

        def decide(record: Record) -> Decision | None:
            if record.state.get("removed"):
                return None
            if not terminal(record.state):
                raise errors.Conflict(f"{record.id} is still {record.state['state']}; cancel it first")
            if record.state.get("experiment"):
                raise errors.Conflict(f"{record.id} is part of {record.state['experiment']} and stays")
            return Decision(f"{self.kind}.removed", {"removed": reason}, {"output": None, "progress": None})

        return await self.jobs.decide(identifier, decide)

    async def remove_all(self, identifiers: Sequence[str], reason: str) -> None:
        """`remove` for jobs. Raises `errors.Conflict` for one that must stay, once all others are removed."""
        refused: list[errors.Conflict] = []

        async def remove(identifier: str) -> None:
            try:
                await self.remove(identifier, reason)
            except errors.Conflict as error:
                refused.append(error)

        await concurrency.each(identifiers, remove)
        if refused:
            raise refused[0]

    async def fetch(self, identifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The states of jobs as they are stored, tokens included. Raises `errors.NotFound` when one is missing."""
        found = await self.jobs.store.get_many(self.jobs.name, identifiers)
        for one in identifiers:
            if one not in found:
                raise errors.NotFound(f"there is no {self.kind} {one}")
        return {one: found[one].state for one in identifiers}

    async def states(self, identifiers: Sequence[str]) -> dict[str, str | None]:
        """The state of each job, None for one that does not exist."""
        found = await self.jobs.store.get_many(self.jobs.name, identifiers)
        return {one: found[one].state["state"] if one in found else None for one in identifiers}

    async def using(self, dataset: str) -> tuple[Sequence[str], int]:
        """Some jobs that use a dataset version, by its id, and how many there are."""
        some, count = await repository.using(self.jobs, dataset)
        return [one.id for one in some], count

    async def of_training(self, training: str) -> Sequence[Record]:
        """The jobs that belong to a training."""
        return await self.jobs.page(where=Comparison("state.training", "=", training), limit=500)
