"""Sealed fields: confidential values as Fernet tokens that say inside whose they are.

Fernet (AES-128-CBC with HMAC-SHA-256) authenticates a token but binds it to nothing; so the plaintext names its owner
(session or experiment), its subject (the job) and its field, and opening it anywhere else is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from common import errors
from common.records.event import canonical

INLINE_LIMIT = 64 * 1024
"""Bytes of plaintext that a record may carry in one field; what is larger is a sealed blob."""


class DataKey:
    """The key of one session or one experiment: 32 random bytes, half for AES-128, half for HMAC."""

    def __init__(self, owner: str, secret: bytes) -> None:
        self.owner = owner
        self.secret = secret
        self._fernet = Fernet(base64.urlsafe_b64encode(secret))

    @classmethod
    def generate(cls, owner: str) -> DataKey:
        """A new random key for `owner`."""
        return cls(owner, secrets.token_bytes(32))

    def seal(self, subject: str, field: str, value: Any) -> str:
        """`value` (anything JSON can say) as a token. Raises `errors.TooLarge` beyond `INLINE_LIMIT`."""
        body = canonical({"owner": self.owner, "subject": subject, "field": field, "value": value})
        if len(body) > INLINE_LIMIT:
            raise errors.TooLarge(f"{field} of {subject} has {len(body)} bytes; {INLINE_LIMIT} fit into a sealed field")
        return self._fernet.encrypt(body).decode()

    def open(self, subject: str, field: str, token: str) -> Any:
        """The value of a token made by `seal` with the same owner, subject and field.

        Raises `errors.IntegrityError` for a token that is damaged, under another key, or moved from elsewhere.
        """
        try:
            body = json.loads(self._fernet.decrypt(token.encode()))
            place, value = (body["owner"], body["subject"], body["field"]), body["value"]
        except (InvalidToken, KeyError, TypeError, ValueError) as error:
            raise errors.IntegrityError(
                f"{field} of {subject} cannot be opened with the key of {self.owner}"
            ) from error
        if place != (self.owner, subject, field):
            raise errors.IntegrityError(f"{field} of {subject} is a token that belongs elsewhere")
        return value

    def fingerprint(self, text: bytes) -> str:
        """HMAC-SHA-256 of confidential bytes: comparable, but not guessable like a plain hash."""
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()


def fits(value: Any) -> bool:
    """Whether `value` is small enough for a sealed field (with room for its names)."""
    return len(canonical(value)) < INLINE_LIMIT - 1024
