"""Sessions: where results wait until they are committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autolearn.aio.pages import Pages
from autolearn.backoff import Backoff
from autolearn.failures import WaitTimedOut
from autolearn.references import Named, reference, segment
from autolearn.transport import Transport
from common import errors
from common.contracts.sessions import Comparison, Session, SessionRecord, SessionState


class Sessions:
    """`c.sessions`: open one, look at what it holds, commit or discard it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def open(self, name: str | None = None, *, note: str | None = None, expires_in: int | None = None) -> Session:
        """Open a session; it expires `expires_in` seconds (default 30 days) after its last use."""
        told = {"name": name, "note": note, "expires_in": expires_in}
        answer = await self._transport.send(
            "POST", "/v1/sessions", json={key: value for key, value in told.items() if value is not None}
        )
        return self._session(self._transport.document(answer))

    def list(self, *, filter: str | None = None, sort: str | None = None, limit: int | None = None) -> Pages[Session]:
        """Sessions, newest first unless sorted."""
        return Pages(self._transport, "/v1/sessions", Session, limit=limit, params={"filter": filter, "sort": sort})

    async def show(self, session: Named) -> Session:
        """One session."""
        return self._session(await self._transport.get(f"/v1/sessions/{segment(session)}"))

    def records(
        self,
        session: Named,
        *,
        filter: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> Pages[SessionRecord]:
        """The finished jobs that the session holds."""
        return Pages(
            self._transport,
            f"/v1/sessions/{segment(session)}/records",
            SessionRecord,
            limit=limit,
            params={"filter": filter, "sort": sort},
        )

    async def compare(self, session: Named) -> Comparison:
        """The session's records side by side."""
        return Comparison.model_validate(await self._transport.get(f"/v1/sessions/{segment(session)}:compare"))

    async def drop(self, session: Named, job: Named) -> None:
        """Remove a job's record from the session; a training takes its evaluations along."""
        await self._transport.send("DELETE", f"/v1/sessions/{segment(session)}/records/{segment(job)}")

    async def commit(
        self,
        session: Named,
        records: Iterable[Named] | None = None,
        *,
        tags: Iterable[str] = (),
        timeout: float = 300.0,
    ) -> Session:
        """Store the succeeded records as experiments, and wait until they are.

        Without `records` all of them, which ends the session; with `records` (jobs) only those, and it stays
        open. Raises `errors.SessionBusy` while jobs are open, `errors.SessionClosed`, `WaitTimedOut` after
        `timeout` seconds (the commit goes on), and what made the platform give it up: nothing was committed then.
        """
        body: dict[str, Any] = {}
        if records is not None:
            body["records"] = [reference(record) for record in records]
        if labels := list(tags):
            body["tags"] = labels
        waiting = Backoff(within=timeout, first=0.2, longest=2.0)
        answer = await self._transport.send(
            "POST", f"/v1/sessions/{segment(session)}:commit", json=body, wait=max(1.0, min(timeout, 30.0))
        )
        now = self._session(self._transport.document(answer))
        if now.state is not SessionState.committing:
            return now
        while now.state is SessionState.committing:
            if not await waiting.pause():
                raise WaitTimedOut(f"session {now.id} is still {now.state} after {timeout:g} s; it goes on")
            now = await self.show(now.id)
        # Beginning to commit has cleared what a session says of an earlier one.
        if now.problem is not None:
            told = {**now.problem, "detail": f"nothing was committed: {now.problem.get('detail', '')}"}
            raise errors.from_problem(told)
        if records is None and now.state is not SessionState.committed:
            raise errors.Conflict(f"session {now.id} is {now.state}: its commit was given up, and more happened since")
        return now

    async def discard(self, session: Named) -> Session:
        """Cancel its open jobs and erase what it holds, for ever."""
        return await self._act(session, "discard", None)

    async def keep(self, session: Named, seconds: int) -> Session:
        """Let it expire only `seconds` from now."""
        return await self._act(session, "keep", {"for": seconds})

    async def _act(self, session: Named, verb: str, body: dict[str, Any] | None) -> Session:
        answer = await self._transport.send("POST", f"/v1/sessions/{segment(session)}:{verb}", json=body)
        return self._session(self._transport.document(answer))

    @staticmethod
    def _session(document: Any) -> Session:
        return Session.model_validate(document)
