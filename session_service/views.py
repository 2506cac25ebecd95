"""Sessions and their records as they are shown: confidential parts opened with the session's key."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from common import errors
from common.contracts.sessions import Session, SessionRecord, SessionState
from common.ports.record_store import Record
from common.records.sealing import DataKey
from session_service.keys import Keys
from session_service.repository import Records

_CACHED = 20_000
_SHOWN = ("job", "kind", "training", "dataset", "algorithm", "created")


class Views:
    """Opens what sessions hide; summaries are opened once and remembered as long as there is room."""

    def __init__(self, keys: Keys, records: Records) -> None:
        self._keys, self._records = keys, records
        self._summaries: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()

    async def session(self, record: Record, *, note: bool = True) -> Session:
        """A session; lists leave out the `note`, so that they need no keys."""
        state = record.state
        closed = SessionState(state["state"]).closed
        token = state.get("sealed", {}).get("note")
        return Session(
            id=record.id,
            name=state["name"],
            state=state["state"],
            note=await self._note(record.id, token) if note and token else None,
            created=state["created"],
            used=state["used"],
            expires=None if closed else state["expires"],
            records=0 if closed else await self._records.count(record.id),
            open_jobs=list(state["open_jobs"]),
            experiments=state["experiments"],
            problem={name: state["failure"][name] for name in ("code", "detail")} if "failure" in state else None,
        )

    async def records(self, session: str, records: Sequence[Record]) -> list[SessionRecord]:
        """Records of one session with their summaries. Raises `errors.Gone` when the session was erased."""
        if not records:
            return []
        key = await self._keys.get(session)
        missing = [record for record in records if record.id not in self._summaries]
        if missing:
            opened = await asyncio.to_thread(_open, key, missing)
            self._summaries.update({record: (session, summary) for record, summary in opened.items()})
        shown = []
        for record in records:
            self._summaries.move_to_end(record.id)
            shown.append(
                SessionRecord(
                    id=record.id,
                    state=record.state["outcome"],
                    ended=record.state["ended"],
                    summary=self._summaries[record.id][1],
                    **{name: record.state.get(name) for name in _SHOWN},
                )
            )
        while len(self._summaries) > _CACHED:
            self._summaries.popitem(last=False)
        return shown

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
