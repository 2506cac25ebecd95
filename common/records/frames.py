"""Sealed frames: content encrypted in pieces of 1 MiB that cannot be cut, swapped, lengthened or renamed.

This is the construction STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance", CRYPTO 2015, §7) over AES-256-GCM, laid out like Tink's streaming AEAD:

    header   magic (4) | salt (16) | nonce prefix (7)
    frame    AES-256-GCM of at most 1 MiB, with its tag (16)
             key     HKDF-SHA256(key of the owner, salt, info = name of the blob)
             nonce   nonce prefix (7) | number of the frame (4, big-endian) | 1 in the last frame, else 0 (1)
             data    header | name of the blob, authenticated with every frame

Every frame but the last is full, and there is always a last one, so an empty content is one empty frame.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common import errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FRAME = 2**20
"""Bytes of content in a full frame."""

_MAGIC = b"ALF\x01"
_SALT, _PREFIX, _TAG = 16, 7, 16
_HEADER = len(_MAGIC) + _SALT + _PREFIX
_FRAMES = 2**32


@dataclass(frozen=True)
class SealedSize:
    """Bytes of the content, and bytes of its sealed form."""

    content: int
    sealed: int


def sealed_size(content: int) -> int:
    """Bytes of the sealed form of that many bytes."""
    return _HEADER + content + _TAG * max(1, -(-content // FRAME))


class _Cipher:
    """The cipher of one blob: what both directions have in common."""

    def __init__(self, key: bytes, name: str, header: bytes) -> None:
        if len(key) != 32:
            raise ValueError(f"a key has 32 bytes, this one {len(key)}")
        salt = header[len(_MAGIC) : len(_MAGIC) + _SALT]
        derived = HKDF(SHA256(), length=32, salt=salt, info=name.encode()).derive(key)
        self._aead = AESGCM(derived)
        self._prefix = header[-_PREFIX:]
        self._bound = header + name.encode()

    def seal(self, number: int, last: bool, content: bytes) -> bytes:
        return self._aead.encrypt(self._nonce(number, last), content, self._bound)

    def open(self, number: int, last: bool, frame: bytes) -> bytes:
        return self._aead.decrypt(self._nonce(number, last), frame, self._bound)

    def _nonce(self, number: int, last: bool) -> bytes:
        return self._prefix + number.to_bytes(4, "big") + bytes([last])


class FrameWriter(io.BufferedIOBase):
    """A stream that seals what is written to it into `target`, keeping at most one frame in memory.

    Only `close`, or leaving a `with` block without an exception, writes the last frame: what was abandoned
    has no end and can never be opened. `target` is left open.
    """

    def __init__(self, target: BinaryIO, key: bytes, name: str) -> None:
        header = _MAGIC + secrets.token_bytes(_SALT + _PREFIX)
        self._cipher = _Cipher(key, name, header)
        self._target = target
        self._held = bytearray()
        self._number = 0
        self._content = 0
        self._abandoned = False
        target.write(header)

    @property
    def size(self) -> SealedSize:
        """What has been written; the sealed size is final once closed."""
        return SealedSize(self._content, sealed_size(self._content))

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._content

    def write(self, data: ReadableBuffer, /) -> int:
        if self.closed:
            raise ValueError("write to a closed stream")
        view = memoryview(data).cast("B")
        for start in range(0, len(view), FRAME):
            # A full frame is held back until more comes: it may be the last one.
            self._held += view[start : start + FRAME]
            while len(self._held) > FRAME:
                self._put(bytes(self._held[:FRAME]), last=False)
                del self._held[:FRAME]
        self._content += len(view)
        return len(view)

    def abandon(self) -> None:
        """Close without an end, so that what was written cannot be taken for whole."""
        self._abandoned = True
        self.close()

    def close(self) -> None:
        if self.closed:
            return
        try:
            if not self._abandoned:
                self._put(bytes(self._held), last=True)
        finally:
            self._held.clear()
            super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def __del__(self) -> None:
        # The base class closes what is collected as garbage; a stream nobody closed was not finished.
        self._abandoned = True

    def _put(self, content: bytes, *, last: bool) -> None:
        if self._number >= _FRAMES:
            raise errors.TooLarge(f"{_FRAMES} frames are the most that one blob can have")
        self._target.write(self._cipher.seal(self._number, last, content))
        self._number += 1


def seal_stream(source: BinaryIO, target: BinaryIO, *, key: bytes, name: str) -> SealedSize:
    """Seal what is left of `source` into `target` under the 32 bytes of `key`, for the blob called `name`."""
    with FrameWriter(target, key, name) as writer:
        while piece := source.read(FRAME):
            writer.write(piece)
    return writer.size


def open_frames(source: BinaryIO, key: bytes, name: str) -> Iterator[bytes]:
    """The content of `source` frame by frame, each checked before it is handed out.

    Raises `errors.IntegrityError` at the first frame that is not what was sealed there for `name` and `key`.
    A missing end shows only at the end, so nothing counts as whole before the iterator has ended.
    """
    header = _read(source, _HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise errors.IntegrityError(f"{name} is not a file of sealed frames")
    cipher = _Cipher(key, name, header)
    frame, number, last = _read(source, FRAME + _TAG), 0, False
    while not last:
        following = _read(source, FRAME + _TAG) if len(frame) == FRAME + _TAG else b""
        last = not following
        try:
            content = cipher.open(number, last, frame)
        except InvalidTag as error:
            raise errors.IntegrityError(
                f"frame {number} of {name} is damaged, cut off, moved, or under another key"
            ) from error
        yield content
        frame, number = following, number + 1


def open_bytes(source: BinaryIO, key: bytes, name: str, *, max_size: int | None = None) -> bytes:
    """The whole content. `errors.IntegrityError` as `open_frames`; `errors.TooLarge` beyond `max_size`."""
    content = bytearray()
    for piece in open_frames(source, key, name):
        content += piece
        if max_size is not None and len(content) > max_size:
            raise errors.TooLarge(f"{name} has more than {max_size} bytes")
    return bytes(content)


def _read(source: BinaryIO, size: int) -> bytes:
    """`size` bytes, fewer only at the end (a raw stream may give less at once)."""
    found = source.read(size)
    while found and len(found) < size and (more := source.read(size - len(found))):
        found += more
    return found
