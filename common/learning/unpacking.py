"""What kind of file an upload is, by its first bytes; and the compressed forms of text, unpacked within bounds."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from common import errors
from common.learning.malformed import bad_data

CSV, NDJSON, PARQUET, ARROW = "csv", "ndjson", "parquet", "arrow"
_PIECE = 1 << 20
_COMPRESSIONS = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"SQLite format 3\0", "an SQLite file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened"),
)
_OBJECT = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{\s*["}]')
_TAR_MAGIC = slice(257, 262)
# Of a file that unpacks to far more than text ever does: gzip cannot pass 1:1032, zstd can.
_LEAST_SUSPECT = 1 << 28
_RATIO = 500


def compression_of(path: Path) -> str | None:
    """`gzip`, `zstd`, or None for a file that is as it is."""
    start = _start(path)
    return next((name for magic, name in _COMPRESSIONS if start.startswith(magic)), None)


def unpack(path: Path, target: Path, compression: str, limit: int, progress: Callable[[float], None]) -> Path:
    """The text of a compressed file, at `target`, in pieces of 1 MiB.

    Raises `errors.BadData`: `limit` for more than `limit` bytes or a suspicious ratio, `format` for a broken file,
    `errors.UnsupportedMediaType` for what is not text inside.
    """
    written, size = 0, path.stat().st_size
    try:
        with path.open("rb") as raw, closing(_opened(raw, compression)) as source, target.open("wb") as out:
            while piece := source.read(_PIECE):
                written += len(piece)
                if written > limit or (written > _LEAST_SUSPECT and written > _RATIO * size):
                    what = f"{size} bytes of {compression} unpack to more than {written} bytes, which is not accepted"
                    raise bad_data("limit", what)
                out.write(piece)
                progress(raw.tell() / max(1, size))
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid) as error:
        raise bad_data("format", f"the {compression} file is damaged or cut off: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise bad_data("format", f"the {compression} file is damaged or cut off: {error}") from error
    if compression_of(target) or kind_of(target) in (PARQUET, ARROW):
        raise errors.UnsupportedMediaType(f"there is no text in this {compression} file; send what is in it as it is")
    return target


def kind_of(path: Path) -> str:
    """`csv`, `ndjson`, `parquet` or `arrow`. Raises `errors.UnsupportedMediaType` for archives and other formats."""
    start = _start(path)
    if start.startswith(b"PAR1") or start.startswith(b"PARE"):
        return PARQUET
    if start.startswith(b"ARROW1") or (start.startswith(b"\xff\xff\xff\xff") and len(start) > 8):
        return ARROW
    for magic, name in _ARCHIVES:
        if start.startswith(magic):
            raise _refused(name)
    if start[_TAR_MAGIC] == b"ustar":
        raise _refused("a tar archive")
    if re.match(rb"^(?:\xef\xbb\xbf)?\s*\[\s*\{", start):
        what = "this is one JSON array; write one object a line (NDJSON), for example with: jq -c '.[]'"
        raise bad_data("syntax", what, line=1, column=1)
    return NDJSON if _OBJECT.match(start) else CSV


def _refused(name: str) -> errors.UnsupportedMediaType:
    return errors.UnsupportedMediaType(
        f"this is {name}; accepted are CSV and NDJSON (also as gzip or zstd), Parquet and Arrow IPC"
    )


def _opened(raw: Any, compression: str) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw)
    return pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")


def _start(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(4096)
