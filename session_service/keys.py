"""Data keys: one for every session and every experiment, wrapped by the master keys, destroyed to erase.

The wrapped key lies in the envelope of its record and so in neither state, events nor log: what is destroyed here is
nowhere else.
"""

from __future__ import annotations

import secrets

from common import errors, logging
from common.filtering.conditions import And, Comparison
from common.ports.event_log import EventLog, Moment
from common.ports.keyring import Keyring
from common.ports.record_store import Record, RecordStore
from common.records.repository import Decision, Repository
from common.records.sealing import DataKey
from session_service.model import KeyState

_DESTROYED = "autolearn.key.destroyed.v1"
_PAGE = 500
_log = logging.logger("keys")


def key_id(owner: str) -> str:
    """The id of the record that holds the key of a session or an experiment."""
    return f"key_{owner}"


class Keys:
    """Makes, opens and destroys data keys."""

    def __init__(self, repository: Repository, keyring: Keyring) -> None:
        self.repository, self._keyring = repository, keyring

    async def create(self, owner: str) -> DataKey:
        """The key of `owner`, made durably now if it is new. Raises `errors.Gone` once it was destroyed."""
        wrapped = self._keyring.wrap(secrets.token_bytes(32), owner=owner)
        record = await self.repository.ensure(
            key_id(owner), "key.created", {"owner": owner}, envelope={"wrapped": wrapped}
        )
        return self._open(owner, record)

    async def get(self, owner: str) -> DataKey:
        """The key of `owner`. Raises `errors.NotFound`, or `errors.Gone` once it was destroyed."""
        record = await self.repository.find(key_id(owner))
        if record is None:
            raise errors.NotFound(f"there is no key of {owner}")
        return self._open(owner, record)

    async def destroy(self, owner: str) -> bool:
        """Erase what was sealed under the key of `owner`: it goes in the same write that says so. Idempotent.

        Whether there has ever been one.
        """

        def decide(record: Record) -> Decision | None:
            if record.state["state"] == KeyState.destroyed:
                return None
            return Decision("key.destroyed", {}, envelope={"wrapped": None})

        if await self.repository.find(key_id(owner)) is None:
            return False
        await self.repository.decide(key_id(owner), decide)
        return True

    async def destroy_again(self, log: EventLog) -> int:
        """Destroy what the log says was destroyed but a restored backup has brought back; how many that were."""
        after: Moment | None = None
        again = 0
        while True:
            where = And((Comparison("kind", "=", "state"), Comparison("type", "=", _DESTROYED)))
            page = await log.query(where=where, newest_first=False, after=after, limit=_PAGE)
            found = await self.repository.store.get_many(
                self.repository.name, [str(logged.event["subject"]) for logged in page]
            )
            for record in found.values():
                if "wrapped" in record.envelope:
                    await self.destroy(record.state["owner"])
                    await self.repository.store.touch(self.repository.name, record.id, envelope_set={"wrapped": None})
                    _log.warning("destroyed key was back", key=record.id)
                    again += 1
            if len(page) < _PAGE:
                return again
            after = page[-1].moment

    async def check_ring(self) -> None:
        """Open one of the keys that are there: with other master keys all that is confidential would be unreadable.

        Raises `errors.IntegrityError`, at the start and not at the first person who wants to see a result.
        """
        present = Comparison("state.state", "=", KeyState.present.value)
        for record in await self.repository.page(where=present, limit=1):
            if "wrapped" in record.envelope:
                self._open(record.state["owner"], record)

    async def carry_over(self, store: RecordStore) -> None:
        """Put the wrapped keys into a store rebuilt from the log, which has none; destroyed ones stay away."""
        async for record in self.repository.store.scan(self.repository.name):
            if "wrapped" in record.envelope:
                wrapped = {"wrapped": record.envelope["wrapped"]}
                guard = {"state.state": KeyState.present.value}
                await store.touch(self.repository.name, record.id, envelope_set=wrapped, guard=guard)

    def _open(self, owner: str, record: Record) -> DataKey:
        if record.state["state"] == KeyState.destroyed:
            raise errors.Gone(f"what {owner} held was erased; its key is destroyed")
        if "wrapped" not in record.envelope:
            raise errors.Gone(f"the key of {owner} is not here any more; restore the record store from your backup")
        return DataKey(owner, self._keyring.unwrap(record.envelope["wrapped"], owner=owner))
