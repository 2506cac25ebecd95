from __future__ import annotations

import gc
import io
import secrets
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import errors
from common.records import frames
from common.records.frames import (
    FRAME,
    FrameWriter,
    SealedSize,
    open_bytes,
    open_frames,
    seal_stream,
    sealed_size,
)

KEY = secrets.token_bytes(32)
HEADER = 27
FULL = FRAME + 16


def sealed(content: bytes, name: str = "training/one", key: bytes = KEY) -> bytes:
    target = io.BytesIO()
    size = seal_stream(io.BytesIO(content), target, key=key, name=name)
    assert size == SealedSize(len(content), len(target.getvalue()))
    return target.getvalue()


def opened(data: bytes, name: str = "training/one", key: bytes = KEY) -> bytes:
    return open_bytes(io.BytesIO(data), key, name)


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 7])
def test_what_was_sealed_comes_back(size: int) -> None:
    content = secrets.token_bytes(size)
    data = sealed(content)
    assert len(data) == sealed_size(size)
    assert opened(data) == content
    assert content[:64] not in data or size == 0 or size < 4


def test_frames_come_one_by_one() -> None:
    pieces = list(open_frames(io.BytesIO(sealed(bytes(2 * FRAME + 5))), KEY, "training/one"))
    assert [len(piece) for piece in pieces] == [FRAME, FRAME, 5]


def test_the_same_content_is_never_sealed_alike() -> None:
    first, second = sealed(b"content"), sealed(b"content")
    assert first[HEADER:] != second[HEADER:]


@pytest.mark.parametrize("size", [FRAME, 2 * FRAME, 3 * FRAME + 10])
def test_truncation_is_noticed_at_every_border_of_a_frame(size: int) -> None:
    data = sealed(secrets.token_bytes(size))
    borders = range(HEADER, len(data), FULL)
    for border in borders:
        for cut in (border - 1, border, border + 1):
            with pytest.raises(errors.IntegrityError):
                opened(data[:cut])


def test_every_change_of_order_or_number_of_frames_is_noticed() -> None:
    data = sealed(secrets.token_bytes(3 * FRAME + 100))
    head = data[:HEADER]
    one, two, three, last = (data[start : start + FULL] for start in range(HEADER, len(data), FULL))
    assert opened(head + one + two + three + last) is not None
    for changed in (
        [two, one, three, last],
        [one, three, last],
        [one, one, two, three, last],
        [one, two, three, three, last],
        [one, two, three, last, last],
        [last],
        [],
    ):
        with pytest.raises(errors.IntegrityError):
            opened(head + b"".join(changed))


def test_what_is_appended_is_noticed() -> None:
    for size in (5, FRAME):
        with pytest.raises(errors.IntegrityError):
            opened(sealed(bytes(size)) + b"x")


def test_other_name_other_key_and_other_blob_are_refused() -> None:
    data = sealed(b"content")
    for name, key in (("training/two", KEY), ("training/one", secrets.token_bytes(32))):
        with pytest.raises(errors.IntegrityError, match="frame 0"):
            opened(data, name, key)
    other = sealed(b"content")
    with pytest.raises(errors.IntegrityError):
        opened(data[:HEADER] + other[HEADER:])


def test_what_is_no_sealed_file_is_refused() -> None:
    for data in (b"", b"ALF", b"PK\x03\x04" + bytes(100)):
        with pytest.raises(errors.IntegrityError, match="not a file of sealed frames"):
            opened(data)


@settings(deadline=None, max_examples=100)
@given(position=st.integers(0, 10**9), bit=st.integers(0, 7), content=st.binary(max_size=200))
def test_any_flipped_bit_is_noticed(position: int, bit: int, content: bytes) -> None:
    data = bytearray(sealed(content))
    data[position % len(data)] ^= 1 << bit
    with pytest.raises(errors.IntegrityError):
        opened(bytes(data))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3 * FRAME // 2), max_size=5))
def test_how_the_writer_is_fed_makes_no_difference(sizes: list[int]) -> None:
    target, content = io.BytesIO(), b""
    with FrameWriter(target, KEY, "name") as writer:
        for number, size in enumerate(sizes):
            piece = bytes([number]) * size
            assert writer.write(piece) == size
            content += piece
            assert writer.tell() == len(content)
    assert open_bytes(io.BytesIO(target.getvalue()), KEY, "name") == content
    assert writer.size.sealed == len(target.getvalue())


def test_the_writer_keeps_no_more_than_a_frame() -> None:
    target = io.BytesIO()
    with FrameWriter(target, KEY, "name") as writer:
        writer.write(bytes(10 * FRAME))
        assert len(target.getvalue()) == HEADER + 9 * FULL


def test_what_was_abandoned_cannot_be_opened() -> None:
    for size in (0, 10, FRAME, FRAME + 1):
        target = io.BytesIO()
        with pytest.raises(RuntimeError), FrameWriter(target, KEY, "name") as writer:
            writer.write(bytes(size))
            raise RuntimeError
        with pytest.raises(errors.IntegrityError):
            open_bytes(io.BytesIO(target.getvalue()), KEY, "name")


def test_a_writer_collected_as_garbage_writes_no_end() -> None:
    target = io.BytesIO()
    FrameWriter(target, KEY, "name").write(b"half")
    gc.collect()
    assert len(target.getvalue()) == HEADER


def test_a_closed_writer_takes_nothing_and_leaves_its_target_open() -> None:
    target = io.BytesIO()
    writer = FrameWriter(target, KEY, "name")
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"more")
    assert not target.closed
    assert writer.writable()


def test_an_archive_can_be_written_into_frames() -> None:
    target = io.BytesIO()
    with FrameWriter(target, KEY, "name") as writer, zipfile.ZipFile(writer, "w") as archive:
        archive.writestr("member", b"content")
    content = open_bytes(io.BytesIO(target.getvalue()), KEY, "name")
    assert zipfile.ZipFile(io.BytesIO(content)).read("member") == b"content"


def test_more_than_asked_for_is_refused() -> None:
    with pytest.raises(errors.TooLarge):
        open_bytes(io.BytesIO(sealed(bytes(100))), KEY, "training/one", max_size=99)
    assert len(open_bytes(io.BytesIO(sealed(bytes(100))), KEY, "training/one", max_size=100)) == 100


def test_the_number_of_frames_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_FRAMES", 1)
    with pytest.raises(errors.TooLarge):
        sealed(bytes(FRAME + 1))


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sealed(b"", key=b"short")


class Trickle(io.RawIOBase):
    """A raw stream that gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(min(size, 70_001))


def test_a_source_may_give_less_than_it_is_asked_for() -> None:
    content = secrets.token_bytes(FRAME + 10)
    pieces = open_frames(Trickle(sealed(content)), KEY, "training/one")  # type: ignore[arg-type]
    assert b"".join(pieces) == content
