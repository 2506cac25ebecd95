"""multipart/form-data (RFC 7578), read as it comes: the file passes through, small fields are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from common import errors

FIELD_LIMIT = 64 * 1024
"""Bytes of all fields that are no file, and of all headers, together."""


class Form:
    """One form with one file: iterate over `file`, then `fields` and `filename` are complete."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """Raises `errors.BadRequest` for a content type without boundary."""
        header = Message()
        header["content-type"] = content_type
        boundary = header.get_boundary()
        if not boundary or len(boundary) > 200:
            raise errors.BadRequest("the multipart body has no boundary in its Content-Type")
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._body, self._small = body, 0
        self._files = 0
        self._ready: list[bytes] = []
        self._header = [bytearray(), bytearray()]
        self._disposition = ""
        self._value = bytearray()
        self._part: str | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary.encode("latin-1", "replace"),
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._header_begin,
                "on_header_field": lambda data, start, end: self._header_data(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._header_data(1, data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    async def file(self) -> AsyncIterator[bytes]:
        """The bytes of the part `file`.

        Raises `errors.BadRequest` for a body that is broken or ends early, `errors.Invalid` without a file or for
        fields that are unknown or twice there, `errors.TooLarge` for large ones.
        """
        try:
            async for chunk in self._body:
                self._parser.write(chunk)
                for piece in self._ready:
                    yield piece
                self._ready.clear()
        except FormParserError as error:
            raise errors.BadRequest(f"the multipart body is broken: {error}") from error
        if not self._ended:
            raise errors.BadRequest("the multipart body ends before its last boundary")
        if self._files == 0:
            raise _flaw("file", "missing", "the form has no part named file")

    def _begin(self) -> None:
        self._disposition, self._part = "", None
        self._value = bytearray()

    def _header_begin(self) -> None:
        self._header = [bytearray(), bytearray()]

    def _header_data(self, which: int, data: bytes) -> None:
        self._count(len(data))
        self._header[which] += data

    def _header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1].decode("utf-8", "replace")

    def _headers_finished(self) -> None:
        header = Message()
        header["content-disposition"] = self._disposition.replace("\r", " ").replace("\n", " ")
        name = header.get_param("name", header="content-disposition")
        self._part = name if isinstance(name, str) else ""
        if self._part == "file":
            self._files += 1
            if self._files > 1:
                raise _flaw("file", "duplicate", "the form has more than one file")
            self.filename = header.get_filename()
        elif self._part not in ("name", "options"):
            raise _flaw(self._part, "unknown_field", f"the form takes file, name and options, not {self._part!r}")
        elif self._part in self.fields:
            raise _flaw(self._part, "duplicate", f"the form has {self._part} twice")

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = bytes(data[start:end])
        if self._part == "file":
            self._ready.append(piece)
        else:
            self._count(len(piece))
            self._value += piece

    def _end(self) -> None:
        if self._part and self._part != "file":
            try:
                self.fields[self._part] = self._value.decode()
            except UnicodeDecodeError as error:
                raise errors.BadRequest(f"the field {self._part} is not UTF-8") from error

    def _finish(self) -> None:
        self._ended = True

    def _count(self, size: int) -> None:
        self._small += size
        if self._small > FIELD_LIMIT:
            raise errors.TooLarge(f"the fields and headers of the form have more than {FIELD_LIMIT} bytes")


def _flaw(name: str, code: str, detail: str) -> errors.Invalid:
    return errors.Invalid(detail, flaws=[errors.Flaw(f"/{name}", code, detail)])
