"""Sessions and their records as they are shown: confidential parts opened with the session's key."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from common import errors
from common.concurrency import slices
from common.contracts.sessions import Session, SessionState
from common.ports.record_store import Record
from common.records.sealing import DataKey
from session_service.keys import Keys
from session_service.repository import Records

_CACHED = 20_000
_OPENED = 250
_SHOWN = ("job", "kind", "training", "dataset", "algorithm", "created")


class Views:
    """Opens what sessions hide; summaries are opened once and remembered as long as there is room."""

    def __init__(self, keys: Keys, records: Records) -> None:
        self._keys, self._records = keys, records
        self._summaries: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()

    async def session(self, record: Record, *, whole: bool = True) -> Session:
        """A session; lists leave out its note and its experiments, so that they need no keys and stay short."""
        state = record.state
        closed = SessionState(state["state"]).closed
        token = state.get("sealed", {}).get("note")
        return Session(
            id=record.id,
            name=state["name"],
            state=state["state"],
            note=await self._note(record.id, token) if whole and token else None,
            created=state["created"],
            used=state["used"],
            expires=None if closed else state["expires"],
            records=0 if closed else await self._records.count(record.id),
            open_jobs=list(state["open_jobs"]),
            experiments=await self._records.experiments(record.id) if whole and state["committed"] else [],
            problem={name: state["failure"][name] for name in ("code", "detail")} if "failure" in state else None,
        )

    async def records(self, session: str, records: Sequence[Record]) -> list[dict[str, Any]]:
        """Documents of `SessionRecord`, of what one session holds. Raises `errors.Gone` when it was erased.

        `records` may come without what is sealed: summaries that are not remembered are read and opened here.
        """
        if not records:
            return []
        key = await self._keys.get(session)
        missing = [record.id for record in records if record.id not in self._summaries]
        # In slices that are kept one by one: whoever has to ask again finds what was opened the first time.
        for some in slices(missing, _OPENED):
            found = await self._records.repository.store.get_many(self._records.repository.name, some)
            there = [record for record in found.values() if "summary" in record.state["sealed"]]
            opened = await asyncio.to_thread(_open, key, there)
            self._summaries.update({record: (session, summary) for record, summary in opened.items()})
        summaries: list[dict[str, Any] | None] = []
        for record in records:
            _, summary = self._summaries.get(record.id, (session, None))  # None: it has just gone
            if summary is not None:
                self._summaries.move_to_end(record.id)
            summaries.append(summary)
        while len(self._summaries) > _CACHED:
            self._summaries.popitem(last=False)
        return await asyncio.to_thread(_documents, records, summaries)

    def forget(self, owner: str) -> None:
        """What was remembered of a session goes with its key."""
        for record in [one for one, (session, _) in self._summaries.items() if session == owner]:
            del self._summaries[record]

    async def _note(self, session: str, token: str) -> str | None:
        try:
            return str((await self._keys.get(session)).open(session, "note", token))
        except errors.Gone:  # destroyed, its end not yet written down
            return None


def _open(key: DataKey, records: Sequence[Record]) -> Mapping[str, dict[str, Any]]:
    return {
        record.id: key.open(record.state["job"], "summary", record.state["sealed"]["summary"]) for record in records
    }


def _documents(records: Sequence[Record], summaries: Sequence[dict[str, Any] | None]) -> list[dict[str, Any]]:
    return [
        {
            "id": record.id,
            "state": record.state["outcome"],
            "ended": record.state["ended"],
            "summary": summary,
            **{name: record.state.get(name) for name in _SHOWN},
        }
        for record, summary in zip(records, summaries, strict=True)
        if summary is not None
    ]
