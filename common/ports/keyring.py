"""The master keys of an installation: they wrap data keys, and never leave the process that holds them."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Keyring(ABC):
    """The ring of master keys, newest first: it wraps with the newest and unwraps with any, so keys can be rotated.

    Nothing here blocks for long; opening the ring may read a file and happens before the event loop serves anybody.
    """

    @abstractmethod
    def wrap(self, secret: bytes, *, owner: str) -> str:
        """A token that only this ring opens, and only for `owner`."""

    @abstractmethod
    def unwrap(self, token: str, *, owner: str) -> bytes:
        """The secret of a token made by `wrap` for `owner`.

        Raises `errors.IntegrityError` for a damaged token, one of another ring, or one of another owner.
        """

    @abstractmethod
    def fingerprint(self, purpose: str, text: bytes) -> str:
        """HMAC-SHA-256 of `text` under a key of the installation that serves this purpose alone, in hex.

        The same for the same text as long as the installation lives: rotation keeps the oldest key for it.
        """
