"""A backup is one moment, whatever goes on around it; a damaged one is refused, and half a restore leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.adapters import registry
from common.adapters.keyring.file import FileKeyring
from common.backup import archive
from common.backup.restoring import restore
from common.backup.taking import Backups
from common.ports.record_store import Collection
from common.records import verification
from common.records.lifecycle import NEW, Lifecycle
from common.records.repository import Decision, Repository
from common.runtime import Runtime
from tests.runtimes import light_runtime

SOURCE = "session"
LIFE = Lifecycle(
    record="thing",
    transitions={(NEW, "thing.made"): "made", ("made", "thing.changed"): "made"},
    changes={},
)


class House:
    """A platform of one service whose records name blobs: each change takes a new blob and deletes the one before."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.things = runtime.repository(Collection("things"), source=SOURCE, lifecycle=LIFE)
        self.backups = Backups(runtime)

    async def live(self, name: str, steps: int) -> None:
        await self.things.create(name, "thing.made", {})
        for step in range(steps):
            await self.go_on(name, step)

    async def go_on(self, name: str, step: int) -> None:
        blob = f"{SOURCE}/{name}/{step}"
        await self.runtime.blobs.put_bytes(blob, blob.encode() * 50)
        await self.things.decide(name, lambda _, b=blob: Decision("thing.changed", {"blob": b}))
        assert self.runtime.relay
        await self.runtime.relay.ship()
        if step:
            await self.runtime.blobs.delete(f"{SOURCE}/{name}/{step - 1}")

    async def save(self, path: Path) -> None:
        async with self.backups.taken() as pieces:
            with path.open("wb") as file:
                async for piece in pieces:
                    assert len(piece) <= 2**20
                    file.write(piece)

    def restore(self, path: Path, data: Path) -> archive.Contents:
        return restore(path, data, self.runtime.settings.data / "master.key", self.backups.seal)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with light_runtime(tmp_path / "live", sweep=0.01) as runtime:
        found = House(runtime)
        await runtime.start()
        yield found


@pytest.fixture
async def saved(house: House, tmp_path: Path) -> Path:
    await house.live("a", 3)
    await house.save(tmp_path / "b.tar")
    return tmp_path / "b.tar"


async def flaws(data: Path) -> list[str]:
    """What is wrong with a restored folder: state against log and outboxes, and blobs that records name."""
    async with (
        registry.record_store(f"sqlite://{data}/records.db") as store,
        registry.event_log(f"sqlite://{data}/events.db") as log,
        registry.blob_store(f"file://{data}/blobs") as blobs,
    ):
        things = Repository(store, collection=Collection("things"), source=SOURCE, lifecycle=LIFE)
        await store.ensure(things.collection)
        found = [str(flaw) for flaw in (await verification.verify([things], log, SOURCE)).documents()]
        async for record in store.scan("things"):
            name = record.state.get("blob")
            if name and await blobs.get_bytes(name, 10_000) != name.encode() * 50:
                found.append(f"{name} has changed")
        return found


async def test_it_is_one_moment_of_a_platform_at_work(house: House, tmp_path: Path) -> None:
    lives = [asyncio.create_task(house.live(f"thing{number}", 1_000_000)) for number in range(6)]
    for number in range(3):
        await house.save(tmp_path / f"{number}.tar")
        contents = await asyncio.to_thread(house.restore, tmp_path / f"{number}.tar", tmp_path / str(number))
        assert contents.header.created.endswith("Z")
        assert await flaws(tmp_path / str(number)) == []
    assert not any(life.done() for life in lives), "nothing went on meanwhile"
    for life in lives:
        life.cancel()
    await asyncio.wait(lives)
    found = await verification.verify([house.things], house.runtime.log, SOURCE)
    assert found.records == 6 and not found.flawed
    assert not (house.runtime.settings.data / "staging").exists()


@pytest.mark.parametrize("late", ["store", "log", "blobs"])
async def test_what_happens_between_two_copies_is_in_none_or_waits(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    await house.live("a", 1)
    port = getattr(house.runtime, late)
    copying = port.backup
    lives = []

    async def after_a_while(*told: Any) -> None:
        lives.append(asyncio.create_task(house.go_on("a", 1)))
        await asyncio.wait(lives, timeout=0.2)
        await copying(*told)

    monkeypatch.setattr(port, "backup", after_a_while)
    await house.save(tmp_path / "b.tar")
    await asyncio.gather(*lives)
    house.restore(tmp_path / "b.tar", tmp_path / "r")
    assert await flaws(tmp_path / "r") == []


async def test_what_the_log_lacks_is_in_the_journal(house: House, tmp_path: Path) -> None:
    call = {
        "id": "evt_1",
        "type": "autolearn.call.received.v1",
        "source": "gateway",
        "time": "2026-11-29T00:00:00.000Z",
        "data": {},
    }
    house.runtime.journal.begin(call)
    await house.save(tmp_path / "b.tar")
    house.runtime.journal.end({**call, "data": {"outcome": "ok"}})
    house.restore(tmp_path / "b.tar", tmp_path / "r")
    async with light_runtime(tmp_path / "r") as again:
        (event,) = await again.log.read(limit=10, topic="call")
        assert event.event["data"]["outcome"] == "unknown"


async def test_only_one_at_a_time_and_nothing_is_left_of_one_that_was_given_up(house: House) -> None:
    await house.live("a", 3)
    async with house.backups.taken() as pieces:
        await anext(pieces)
        with pytest.raises(errors.Conflict, match="already"):
            async with house.backups.taken():
                pass
        reading = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    assert not (house.runtime.settings.data / "staging").exists()
    async with house.backups.taken() as pieces:
        assert [piece async for piece in pieces]


async def test_engines_are_backed_up_by_their_own_tools(tmp_path: Path) -> None:
    async with light_runtime(tmp_path, event_log="kafka://here", blob_store="s3://bucket") as runtime:
        with pytest.raises(errors.Conflict, match=r"kafka: \(MirrorMaker\).* s3:"):
            async with Backups(runtime).taken():
                pass


async def test_any_damage_is_refused_and_leaves_nothing(house: House, saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    rng = random.Random(7)
    damaged = [whole[: rng.randrange(len(whole) - 1024)] for _ in range(15)]
    with tarfile.open(saved) as found:
        inside = [(one.offset, one.offset_data, one.offset_data + one.size) for one in found]
    for header, begin, end in inside:
        for place in (
            header + 3,
            header + 130,
            rng.randrange(begin, end) if end > begin else header + 3,
        ):  # the name, the size, the content
            spoiled = bytearray(whole)
            spoiled[place] ^= 1 << rng.randrange(8)
            damaged.append(bytes(spoiled))
    for content in damaged:
        (tmp_path / "d.tar").write_bytes(content)
        with pytest.raises((errors.IntegrityError, errors.BadData, errors.Conflict)):
            house.restore(tmp_path / "d.tar", tmp_path / "r")
        assert not (tmp_path / "r").exists()
    assert house.restore(saved, tmp_path / "r").files >= 4


@pytest.mark.parametrize("name", ["../x", "/etc/x", "blobs/../../x", "work/x", "journal/x", "master.key", "blobs"])
async def test_no_file_is_written_elsewhere(house: House, saved: Path, tmp_path: Path, name: str) -> None:
    with tarfile.open(saved) as found, tarfile.open(tmp_path / "evil.tar", "w") as evil:
        first = found.next()
        assert first is not None
        evil.addfile(first, found.extractfile(first))
        evil.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(errors.IntegrityError, match="has no file"):
        house.restore(tmp_path / "evil.tar", tmp_path / "r")
    assert not (tmp_path / "r").exists()


async def test_links_are_no_files(house: House, saved: Path, tmp_path: Path) -> None:
    with tarfile.open(saved) as found, tarfile.open(tmp_path / "evil.tar", "w") as evil:
        first = found.next()
        assert first is not None
        evil.addfile(first, found.extractfile(first))
        link = tarfile.TarInfo("events.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        evil.addfile(link)
    with pytest.raises(errors.IntegrityError, match="not a plain file"):
        house.restore(tmp_path / "evil.tar", tmp_path / "r")


async def test_the_folder_must_be_empty_and_the_key_the_right_one(house: House, saved: Path, tmp_path: Path) -> None:
    live = house.runtime.settings.data
    with pytest.raises(errors.Conflict, match="not empty"):
        house.restore(saved, live)
    other = FileKeyring(tmp_path / "other.key")
    with pytest.raises(errors.Conflict, match="another master key"):
        restore(saved, tmp_path / "r", tmp_path / "other.key", lambda text: other.fingerprint("backup", text))
    with pytest.raises(errors.NotFound, match=r"no\.tar"):
        house.restore(tmp_path / "no.tar", tmp_path / "r")
    (tmp_path / "text").write_text("nothing of ours")
    with pytest.raises(errors.AutoLearnError, match="no backup"):
        house.restore(tmp_path / "text", tmp_path / "r")
    assert not (tmp_path / "r").exists()


async def test_a_restore_that_fails_half_way_leaves_nothing(
    house: House, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        if target.name == "blobs":
            raise OSError(28, "No space left on device", str(target))
        os.replace(source, target)

    monkeypatch.setattr("common.backup.restoring.os.rename", full)
    with pytest.raises(errors.StorageFull, match="nothing was restored"):
        house.restore(saved, tmp_path / "r")
    assert not (tmp_path / "r").exists()
    monkeypatch.undo()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "staging").mkdir()  # of a restore that was killed
    house.restore(saved, tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "blobs",
        "events.db",
        "journal",
        "lock",
        "master.key",
        "records.db",
    ]
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "r").rglob("*") if path.name != "lock"}
    assert modes == {0}
