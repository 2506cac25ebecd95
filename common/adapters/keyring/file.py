"""Master keys in a file of the data folder that only its owner can read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common import errors
from common.ports.keyring import Keyring


class FileKeyring(Keyring):
    """Fernet keys in a JSON list, newest first, in a file of mode 0600."""

    def __init__(self, path: Path) -> None:
        """Open the ring, or make one with a new random key if `path` does not exist.

        Raises `errors.IntegrityError` when the file is there but no ring.
        """
        if not path.exists():
            self._create(path)
        try:
            keys = [key.encode() for key in json.loads(path.read_text())["keys"]]
            self._ring = MultiFernet([Fernet(key) for key in keys])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise errors.IntegrityError(f"{path} is not a ring of master keys; restore it from a backup") from error
        self._oldest = base64.urlsafe_b64decode(keys[-1])

    @staticmethod
    def _create(path: Path) -> None:
        # Durable before its first use: data under a key that a power cut takes along would be lost.
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new_ring())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def wrap(self, secret: bytes, *, owner: str) -> str:
        body = json.dumps({"owner": owner, "secret": base64.b64encode(secret).decode()})
        return self._ring.encrypt(body.encode()).decode()

    def unwrap(self, token: str, *, owner: str) -> bytes:
        try:
            body = json.loads(self._ring.decrypt(token.encode()))
        except InvalidToken as error:
            raise errors.IntegrityError(
                f"the master keys do not open the key of {owner}; restore the master.key that the data was written with"
            ) from error
        if body["owner"] != owner:
            raise errors.IntegrityError(f"the stored key of {owner} belongs to somebody else")
        return base64.b64decode(body["secret"])

    def fingerprint(self, purpose: str, text: bytes) -> str:
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=f"autolearn/{purpose}".encode()).derive(self._oldest)
        return hmac.new(derived, text, hashlib.sha256).hexdigest()


def new_ring() -> str:
    """The text of a ring with one new random key."""
    return json.dumps({"keys": [Fernet.generate_key().decode()]})
