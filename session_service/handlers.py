"""Use cases of sessions: open, find, reserve, drop, commit, discard, keep."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from common import comparison, context, errors, ids, times
from common.contracts.base import Page
from common.contracts.sessions import Comparison, Session, SessionCommit, SessionOpening, SessionRecord, SessionState
from common.http import calls
from common.http.listing import SealedPage
from common.http.paging import Listing
from common.ports.record_store import Record
from common.records.event import canonical
from common.records.repository import Decision
from common.runtime import Runtime
from session_service import model
from session_service.arrivals import Arrivals, touched
from session_service.clients import Jobs, kind_of
from session_service.erasure import Erasure
from session_service.keys import Keys
from session_service.model import RecordState
from session_service.repository import Records, Sessions
from session_service.selection import selected
from session_service.views import Views

COMPARED = 500
"""Records that can be put side by side."""
_HERE = (SessionState.discarded, SessionState.expired)


class Handlers:
    """What people and services ask of sessions."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        sessions: Sessions,
        records: Records,
        keys: Keys,
        jobs: Jobs,
        arrivals: Arrivals,
        erasure: Erasure,
        views: Views,
    ) -> None:
        self.runtime, self.sessions, self.records, self.keys = runtime, sessions, records, keys
        self.jobs, self.arrivals, self.erasure, self.views = jobs, arrivals, erasure, views

    # Opening and finding.

    async def open(self, asked: SessionOpening, key: str | None) -> tuple[Record, bool]:
        """A new session, or the one that an earlier request with this key has opened, and which of the two it is."""
        if asked.name is not None:
            model.require_name(asked.name)
        marks = self._marks("open", key, asked.model_dump(mode="json"))
        if earlier := await self._opened_by(marks):
            return earlier, True
        identifier = ids.new_id("ses")
        secret = await self.keys.create(identifier)
        now = times.now()
        life = asked.expires_in or self.runtime.settings.session_life
        data: dict[str, Any] = {
            "name": asked.name or f"session-{ids.ending(identifier)}",
            "created": now,
            "used": now,
            "life": life,
            "expires": times.later(now, life),
            "open_jobs": {},
            "open_count": 0,
            "recorded": 0,
            "committed": 0,
            **marks,
        }
        if asked.note is not None:
            data["sealed"] = {"note": secret.seal(identifier, "note", asked.note)}
        try:
            record = await self.sessions.repository.create(identifier, "session.opened", data)
        except errors.AlreadyExists:
            # Two requests with one key at the same moment: the other one was first.
            await self.keys.destroy(identifier)
            first = await self._opened_by(marks)
            if first is None:
                raise
            return first, True
        calls.note(session=identifier, record=identifier)
        return record, False

    async def page(self, asked: Listing) -> Page[Session]:
        """Sessions, without their notes and experiments."""
        found = await self.sessions.repository.page(**asked.query())
        shown = [await self.views.session(one, whole=False) for one in found[: asked.limit]]
        return Page[Session](items=shown, next=asked.next(found))

    async def show(self, reference: str) -> Session:
        """One session."""
        return await self.views.session(await self.sessions.resolve(reference))

    async def list_records(self, reference: str, asked: Listing) -> Page[SessionRecord]:
        """The finished jobs that a session holds."""
        documents = await self._held(reference)
        return await asyncio.to_thread(SealedPage(documents, asked).page, SessionRecord)

    async def compare(self, reference: str) -> Comparison:
        """The finished jobs that a session holds, side by side. Raises `errors.Conflict` when those are too many."""
        found = await self._held(reference, at_most=COMPARED)
        return comparison.compare(
            [one["job"] for one in found], [{"kind": one["kind"], **one["summary"]} for one in found]
        )

    async def _held(self, reference: str, at_most: int = model.RECORD_LIMIT) -> Sequence[Mapping[str, Any]]:
        session = await self.sessions.resolve(reference)
        if session.state["state"] in _HERE:
            raise errors.Gone(f"session {session.id} was {session.state['state']} and what it held is erased")
        if at_most < model.RECORD_LIMIT and (count := await self.records.count(session.id)) > at_most:
            raise errors.Conflict(
                f"session {session.id} holds {count} records and {at_most} can be put side by side; "
                "list them instead, filtered or sorted by a measure"
            )
        return await self.views.records(
            session.id, await self.records.of(session.id, RecordState.held, without=("sealed",))
        )

    # What services ask.

    async def reserve(self, reference: str, job: str, kind: str) -> tuple[str, str]:
        """A place for a job that is about to be made: the session's full id and its key in base64.

        Raises `errors.NotFound`, `errors.SessionBusy` while committing, `errors.SessionClosed`.
        """
        session = await self.sessions.resolve(reference)
        if kind_of(job) != kind:
            raise errors.Invalid(f"{job} is not the id of a job of kind {kind!r}")

        def decide(record: Record) -> Decision | None:
            if job in record.state["open_jobs"]:
                return None
            model.require_open(record.state, record.id)
            model.require_room(record.state, record.id)
            return Decision("session.job_reserved", {"job": job, "kind": kind, **touched(record.state)})

        await self.sessions.repository.decide(session.id, decide)
        key = await self.keys.get(session.id)
        return session.id, base64.b64encode(key.secret).decode()

    # Changing.

    async def keep(self, reference: str, seconds: int) -> Record:
        """The session expires `seconds` from now at the earliest."""
        session = await self.sessions.resolve(reference)

        def decide(record: Record) -> Decision | None:
            model.require_open(record.state, record.id)
            until = times.later(times.now(), seconds)
            return Decision("session.kept", {"expires": until}) if until > record.state["expires"] else None

        return await self.sessions.repository.decide(session.id, decide)

    async def discard(self, reference: str) -> Record:
        """The session's open jobs are cancelled and what it holds is erased; in the background, see `ended`."""
        session = await self.sessions.resolve(reference)
        return await self.erasure.begin(session.id, SessionState.discarded)

    async def drop(self, reference: str, job: str) -> None:
        """Remove a record; a training takes its evaluations along. No-op for one that was dropped before.

        The job counts as open meanwhile, so that no commit can begin with a record that is on its way out.
        """
        session = await self.sessions.resolve(reference)
        model.require_open(session.state, session.id)
        named = selected(job, await self.records.everything(session.id))
        if named is None:
            raise errors.NotFound(f"session {session.id} holds no record of {job!r}")
        if named.state["state"] == RecordState.committed:
            raise errors.Conflict(f"{named.state['job']} is part of {named.state['experiment']} and stays")
        held = await self.records.held(session.id)
        name = named.state["job"]
        going = [one for one in held if name in (one.state["job"], one.state.get("training"))]
        going.sort(key=lambda record: record.state["kind"])  # evaluations first: none must be left without its training
        for one in going:
            await self.reserve(session.id, one.state["job"], one.state["kind"])
        await self.jobs.remove([one.state["job"] for one in going], "dropped")
        for one in going:
            await self.erasure.forget_experiment(one)
            await self.arrivals.drop(session.id, one.state["job"])
            await self.arrivals.release(session.id, one.state["job"])

    async def commit(self, reference: str, asked: SessionCommit, key: str | None) -> tuple[Record, str | None, bool]:
        """Decide that the session is committed; the rest goes on in the background, see `ended`.

        The session, the id of the commit, and whether an earlier request with this key has decided it. Raises
        `errors.SessionBusy` with open jobs, `errors.SessionClosed`, `errors.Invalid` when there is nothing to commit.
        """
        session = await self.sessions.resolve(reference)
        marks = self._marks(f"commit/{session.id}", key, asked.model_dump(mode="json"))
        if marks and (earlier := _commit_of(session.state, marks["idempotency_key"])):
            if earlier["body"] != marks["body"]:
                raise errors.KeyReused("this Idempotency-Key belongs to another commit; use a new key")
            return session, earlier["id"], True
        model.require_open(session.state, session.id)
        if session.state["open_jobs"]:  # what has ended by now must not be in the way
            await self.arrivals.reconcile(session)
            model.require_idle((await self.sessions.repository.get(session.id)).state, session.id)
        secret = await self.keys.get(session.id)
        held = await self.records.of(session.id, RecordState.held, without=("sealed",))
        chosen = _chosen(asked.records, held, session.id)
        sealed = {"tags": secret.seal(session.id, "tags", asked.tags)} if asked.tags else {}

        def decide(record: Record) -> Decision | None:
            model.require_open(record.state, record.id)
            model.require_idle(record.state, record.id)
            cause = context.current()
            commit: dict[str, Any] = {
                "id": ids.derived_id("com", record.id, record.version),
                "started": times.now(),
                "trace_id": cause.trace_id,
                "actor": cause.actor,
            }
            if chosen is not None:
                commit["records"] = chosen
            if marks:
                commit |= {"key": marks["idempotency_key"], "body": marks["body"]}
            return Decision("session.commit_started", {"commit": commit, "sealed": sealed})

        record = await self.sessions.repository.decide(session.id, decide)
        await self.runtime.ring("session.ending", session=session.id)
        return record, record.state["commit"]["id"], False

    async def ended(self, record: Record, timeout: float) -> Record:
        """The session once its commit or discard is through, or as it is after `timeout` seconds."""

        async def look() -> Record | None:
            found = await self.sessions.repository.get(record.id)
            return None if found.state["state"] in (SessionState.committing, SessionState.discarding) else found

        found = await self.runtime.notifier.until(record.id, look, timeout)
        return found or await self.sessions.repository.get(record.id)

    # Idempotency keys.

    def _marks(self, purpose: str, key: str | None, body: Mapping[str, Any]) -> dict[str, str]:
        """What is kept of a key and its body: HMACs, since bodies are confidential."""
        if key is None:
            return {}
        keyring = self.runtime.keyring
        return {
            "idempotency_key": keyring.fingerprint("idempotency", f"session/{purpose}/{key}".encode()),
            "body": keyring.fingerprint("body", canonical(body)),
        }

    async def _opened_by(self, marks: Mapping[str, str]) -> Record | None:
        record = await self.sessions.by_key(marks["idempotency_key"]) if marks else None
        if record and record.state["body"] != marks["body"]:
            raise errors.KeyReused(f"this Idempotency-Key opened {record.id} with another request; use a new key")
        return record


def _commit_of(state: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    return next((one for one in state.get("commits", ()) if one["key"] == key), None)


def _chosen(asked: Sequence[str] | None, held: Sequence[Record], session: str) -> Mapping[str, Sequence[str]] | None:
    """What `model.chosen_of` says of the trainings that were asked for, None for all.

    Raises `errors.Invalid` with all that is wrong.
    """
    trainings = [record for record in held if record.state["kind"] == "training"]
    if not trainings:
        detail = f"session {session} holds no succeeded training; there is nothing to commit"
        raise errors.Invalid(detail, flaws=[errors.Flaw("", "nothing_to_commit", detail)])
    if asked is None:
        return None
    flaws: list[errors.Flaw] = []
    chosen: list[str] = []
    for index, reference in enumerate(asked):
        pointer = f"/records/{index}"
        try:
            record = selected(reference, held)
        except errors.AmbiguousReference as error:
            flaws.append(errors.Flaw(pointer, error.code, error.detail, tuple(error.extra["candidates"])))
            continue
        if record is None:
            detail = f"session {session} holds no succeeded training {reference!r}"
            flaws.append(errors.Flaw(pointer, "not_found", detail))
        elif record.state["kind"] != "training":
            training = record.state["training"]
            detail = f"{record.state['job']} is an evaluation and goes with its training {training}"
            flaws.append(errors.Flaw(pointer, "not_a_training", detail, (training,)))
        else:
            chosen.append(record.state["job"])
    if flaws:
        raise errors.Invalid("something in records is wrong: " + flaws[0].detail, flaws=flaws)
    return model.chosen_of(list(dict.fromkeys(chosen)), [record.state["job"] for record in trainings])
