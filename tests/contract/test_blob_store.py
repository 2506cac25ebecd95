"""The contract of the blob store, for every adapter."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common import errors, times
from common.adapters import registry
from common.ports.blob_store import BlobStore
from tests import engines


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.external)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/some%20folder/blobs" if request.param == "file" else engines.own("s3")


@pytest.fixture
async def blobs(url: str) -> AsyncIterator[BlobStore]:
    async with registry.blob_store(url) as opened:
        yield opened


async def content(blobs: BlobStore, name: str) -> bytes:
    return b"".join([piece async for piece in blobs.read(name)])


async def names(blobs: BlobStore, prefix: str = "") -> list[str]:
    return sorted([info.name async for info in blobs.list(prefix)])


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 12_345])
async def test_bytes_come_back(blobs: BlobStore, data: bytes) -> None:
    before = times.now()
    info = await blobs.put_bytes("training/trn_1/1/artifact.bin", data)
    assert (info.name, info.size) == ("training/trn_1/1/artifact.bin", len(data))
    assert times.later(before, -2) <= info.modified <= times.later(times.now(), 2)
    assert await blobs.stat(info.name) == info
    assert await content(blobs, info.name) == data
    assert await blobs.get_bytes(info.name, len(data)) == data
    async with blobs.local_path(info.name) as path:
        assert path.read_bytes() == data


@pytest.mark.parametrize("move", [True, False])
async def test_files_are_moved_or_copied(blobs: BlobStore, tmp_path: Path, move: bool) -> None:
    for _ in range(2):
        source = tmp_path / "source"
        source.write_bytes(b"data" * 1000)
        info = await blobs.put_file("a/b", source, move=move)
        assert info.size == 4000
        assert source.exists() is not move
        if not move:
            source.write_bytes(b"changed")
    assert await content(blobs, "a/b") == b"data" * 1000


async def test_a_blob_is_written_once(blobs: BlobStore, tmp_path: Path) -> None:
    first = await blobs.put_bytes("a", b"first")
    assert await blobs.put_bytes("a", b"other") == first
    with pytest.raises(errors.Conflict):
        await blobs.put_bytes("a", b"longer than that")
    source = tmp_path / "source"
    source.write_bytes(b"longer than that")
    with pytest.raises(errors.Conflict):
        await blobs.put_file("a", source)
    assert await content(blobs, "a") == b"first"
    assert source.read_bytes() == b"longer than that"


async def test_of_many_writers_one_wins_whole(blobs: BlobStore) -> None:
    payloads = [bytes([65 + n]) * 100_000 for n in range(12)]
    await asyncio.gather(*(blobs.put_bytes("a/b/c", payload) for payload in payloads))
    assert await content(blobs, "a/b/c") in payloads
    assert await names(blobs) == ["a/b/c"]


async def test_what_is_absent(blobs: BlobStore, tmp_path: Path) -> None:
    await blobs.put_bytes("folder/blob", b"x")
    for name in ("nobody", "folder", "folder/blob/below"):
        assert await blobs.stat(name) is None
        with pytest.raises(errors.NotFound):
            await content(blobs, name)
        with pytest.raises(errors.NotFound):
            await blobs.get_bytes(name, 5)
        with pytest.raises(errors.NotFound):
            async with blobs.local_path(name):
                raise AssertionError("entered")
    with pytest.raises(errors.NotFound):
        await blobs.put_file("a", tmp_path / "nobody")
    with pytest.raises(errors.NotFound):
        await blobs.put_file("a", tmp_path / "nobody", move=False)
    assert await names(blobs) == ["folder/blob"]


async def test_get_bytes_is_bounded(blobs: BlobStore) -> None:
    await blobs.put_bytes("a", b"12345")
    with pytest.raises(errors.TooLarge):
        await blobs.get_bytes("a", 4)


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", "..", "a/../b", ".a", "a/.b", "A", "ä", "a b", "a\x00", "-a", "a\n", "a" * 501],
)
async def test_other_names_are_refused(blobs: BlobStore, name: str) -> None:
    with pytest.raises(errors.Invalid):
        await blobs.put_bytes(name, b"x")
    with pytest.raises(errors.Invalid):
        await blobs.stat(name)
    with pytest.raises(errors.Invalid):
        await blobs.delete(name)


async def test_delete_and_write_again(blobs: BlobStore) -> None:
    await blobs.delete("a/b/c")
    await blobs.put_bytes("a/b/c", b"x")
    await asyncio.gather(*(blobs.delete("a/b/c") for _ in range(5)))
    assert await blobs.stat("a/b/c") is None
    await blobs.put_bytes("a/b/c", b"other size")
    assert await content(blobs, "a/b/c") == b"other size"


async def test_deleting_beside_writing_harms_no_neighbour(blobs: BlobStore) -> None:
    async def one(number: int) -> None:
        await blobs.put_bytes(f"job/{number}", b"x")
        await blobs.delete(f"job/{number}")
        await blobs.put_bytes(f"job/{number}", b"y")

    await asyncio.gather(*(one(number) for number in range(40)))
    assert len(await names(blobs, "job/")) == 40


async def test_list_by_folder(blobs: BlobStore) -> None:
    assert await names(blobs) == []
    for name in ("training/1/a", "training/1/b", "training/10/a", "other"):
        await blobs.put_bytes(name, b"x")
    assert await names(blobs) == ["other", "training/1/a", "training/1/b", "training/10/a"]
    assert await names(blobs, "training/1/") == await names(blobs, "training/1") == ["training/1/a", "training/1/b"]
    assert await names(blobs, "nobody/") == []


async def test_a_cancelled_write_is_whole_or_absent(blobs: BlobStore) -> None:
    writing = [asyncio.ensure_future(blobs.put_bytes(f"a/{n}", b"x" * 200_000)) for n in range(20)]
    await asyncio.sleep(0)
    for task in writing[::2]:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    await blobs.check()
    sizes = {info.size async for info in blobs.list()}
    assert sizes == {200_000}
    assert {f"a/{n}" for n in range(1, 20, 2)} <= set(await names(blobs))


async def test_a_reader_can_leave_early(blobs: BlobStore) -> None:
    await blobs.put_bytes("a", b"x" * 5_000_000)
    reading = blobs.read("a")
    assert len(await anext(reading)) > 0
    await reading.aclose()  # type: ignore[attr-defined]
    await blobs.delete("a")


async def test_it_stays_after_reopening_and_a_closed_one_says_so(url: str) -> None:
    blobs = registry.blob_store(url)
    with pytest.raises(errors.Unavailable):
        await blobs.put_bytes("a", b"x")
    async with blobs:
        await blobs.reach()
        assert await names(blobs) == []
        await blobs.put_bytes("a", b"x")
        await blobs.reach()
    with pytest.raises(errors.Unavailable):
        await blobs.stat("a")
    with pytest.raises(errors.Unavailable):
        await blobs.reach()
    async with registry.blob_store(url) as again:
        assert await content(again, "a") == b"x"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sqlite")]


async def test_opening_a_folder_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-0123").write_bytes(b"half")
    async with registry.blob_store(f"file://{tmp_path}") as blobs:
        assert await names(blobs) == []
    assert list(tmp_path.iterdir()) == []
