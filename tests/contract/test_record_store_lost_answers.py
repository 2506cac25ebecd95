"""The record store in MongoDB when the answer to a write is lost after the write was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from common import errors
from common.adapters import registry
from common.ports.record_store import Record, RecordStore
from tests.contract.record_stores import OTHERS, THINGS, append, event, record
from tests.mongo_proxy import MongoProxy

pytestmark = [
    pytest.mark.external,
    pytest.mark.parametrize("store_url", ["mongo-motor", "mongo-pymongo"], indirect=True),
]


@pytest.fixture
async def proxy(store_url: str) -> AsyncIterator[MongoProxy]:
    async with MongoProxy(store_url).running() as running:
        yield running


@pytest.fixture
async def store(proxy: MongoProxy) -> AsyncIterator[RecordStore]:
    async with registry.record_store(proxy.url) as opened:
        await opened.ensure(THINGS, OTHERS)
        await opened.insert("things", Record("a", 1, "h1", {"n": 1}, (event(1),), {"lease": {"token": "old"}}))
        yield opened


async def _insert(store: RecordStore) -> None:
    await store.insert("things", record("b", outbox=[event(1)], key="k"))


async def _insert_without_events(store: RecordStore) -> None:
    await store.insert("things", record("b", key="k"))


async def _insert_many(store: RecordStore) -> None:
    await store.insert_many("things", [record("b", key="k"), record("c", outbox=[event(1)])])


async def _append(store: RecordStore) -> None:
    await append(store, "a", 1, envelope_set={"lease.token": "new"}, guard={"envelope.lease.token": "old"})


async def _touch(store: RecordStore) -> None:
    assert await store.touch(
        "things", "a", envelope_set={"lease.token": "new", "gone": None}, guard={"envelope.lease.token": "old"}
    )


async def _pull(store: RecordStore) -> None:
    await store.pull("things", "a", ["evt_1"])


async def _put_view(store: RecordStore) -> None:
    await store.put_view("things", "v", {"n": 1})


async def _delete(store: RecordStore) -> None:
    await store.delete("things", "a")


_WRITES: list[tuple[Callable[[RecordStore], Awaitable[None]], str]] = [
    (_insert, "insert"),
    (_insert_without_events, "insert"),
    (_insert_many, "insert"),
    (_append, "update"),
    (_touch, "update"),
    (_pull, "update"),
    (_put_view, "update"),
    (_delete, "delete"),
]


@pytest.mark.parametrize(("write", "command"), _WRITES)
async def test_a_write_that_was_done_is_recognised_as_done(
    store: RecordStore, proxy: MongoProxy, write: Callable[[RecordStore], Awaitable[None]], command: str
) -> None:
    proxy.lose(command)
    await write(store)
    assert proxy.lost == [command]
    done = {one.id: one async for one in store.scan("things")}
    await store.delete("things", "a")
    for identifier in ("b", "c", "v"):
        await store.delete("things", identifier)
    await store.insert("things", Record("a", 1, "h1", {"n": 1}, (event(1),), {"lease": {"token": "old"}}))
    await write(store)
    assert {one.id: one async for one in store.scan("things")} == done


async def test_an_answer_that_never_comes_is_not_waited_for(store: RecordStore, proxy: MongoProxy) -> None:
    proxy.lose("update", how="hold")
    await append(store, "a", 1)
    found = await store.get("things", "a")
    assert found is not None and (found.version, found.outbox) == (2, (event(1), event(2)))


async def test_what_is_unknown_is_said_and_can_be_read(store: RecordStore, proxy: MongoProxy) -> None:
    proxy.lose("update", times=2)
    with pytest.raises(errors.Unavailable) as caught:
        await append(store, "a", 1)
    assert "mongodb://" not in str(caught.value)
    found = await store.get("things", "a")
    assert found is not None and (found.version, found.head) == (2, "h2")
    with pytest.raises(errors.VersionConflict):
        await append(store, "a", 1)


async def test_a_refused_write_is_not_taken_for_a_done_one(store: RecordStore, proxy: MongoProxy) -> None:
    await store.insert("things", record("b", key="k"))
    await append(store, "a", 1, head="another", event=event(2, by="another"))
    proxy.lose("update", times=1)
    with pytest.raises(errors.VersionConflict):
        await append(store, "a", 1)
    proxy.lose("insert", times=1)
    with pytest.raises(errors.AlreadyExists):
        await store.insert("things", record("b", outbox=[event(9)], key="other"))
    proxy.lose("insert", times=1)
    with pytest.raises(errors.AlreadyExists) as caught:
        await store.insert("things", record("c", key="k"))
    assert caught.value.extra["field"] == "state.key"
    proxy.lose("update", times=1)
    assert not await store.touch("things", "a", envelope_set={"x": 1}, guard={"envelope.lease.token": "other"})
