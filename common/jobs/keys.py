"""Session keys as the services of jobs see them: fetched from the session service, remembered for seconds only."""

from __future__ import annotations

import base64
import time
from collections import OrderedDict

from common.http.client import ServiceClient
from common.records.sealing import DataKey

_REMEMBERED = 15.0  # seconds; a destroyed key is unreadable everywhere after that
_AT_MOST = 1_000


class SessionKeys:
    """The data keys of sessions. `get` raises `errors.Gone` once a key is destroyed."""

    def __init__(self, sessions: ServiceClient) -> None:
        self._sessions = sessions
        self._known: OrderedDict[str, tuple[float, DataKey]] = OrderedDict()

    async def get(self, owner: str) -> DataKey:
        """The key of `owner`."""
        known = self._known.get(owner)
        if known and known[0] > time.monotonic():
            return known[1]
        self.forget(owner)  # also when the answer is that it is destroyed
        answer = await self._sessions.call("GET", f"/internal/keys/{owner}")
        return self.remember(owner, answer["key"])

    def remember(self, owner: str, encoded: str) -> DataKey:
        """Keep a key that came with another answer."""
        key = DataKey(owner, base64.b64decode(encoded))
        self._known[owner] = (time.monotonic() + _REMEMBERED, key)
        self._known.move_to_end(owner)
        while len(self._known) > _AT_MOST:
            self._known.popitem(last=False)
        return key

    def forget(self, owner: str) -> None:
        """The key was destroyed."""
        self._known.pop(owner, None)
