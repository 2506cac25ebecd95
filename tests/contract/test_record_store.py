"""The contract of the record store, for every adapter."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from common import errors
from common.adapters import registry
from common.filtering.sorting import SortKey
from common.ports.record_store import DOCUMENT_LIMIT, OUTBOX_LIMIT, Record, RecordStore
from tests.contract.record_stores import OTHERS, THINGS, append, event, fill, record


class TestInsertAndGet:
    async def test_a_record_comes_back_as_it_was(self, store: RecordStore) -> None:
        stored = Record(
            "thing_1",
            1,
            "abc",
            {"text": "żółw 🐢 \u0000 '\"\\", "big": 2**63 - 1, "small": -(2**63), "real": 0.1, "none": None, "l": [{}]},
            (event(1, note="ü"),),
            {"lease": {"token": "t"}},
        )  # fmt: skip
        await store.insert("things", stored)
        assert await store.get("things", "thing_1") == stored

    async def test_names_may_hold_anything(self, store: RecordStore) -> None:
        state = {
            "a.b": 1, "$set": {"$gt": 2, "": 3}, "%": [4], "%2E": 5, "nul\u0000": 6, "ż🐢": 7, "0": 8,
            "a b/c'\"": 9, "_id": 10, "$ref": "things", "$id": "a", "a": {"b": {}, "%": "x"},
            "lists": [[], [[1], {"x.y": [None]}], {}],
        }  # fmt: skip
        envelope = {"x.y": {"$z": []}}
        await store.insert("things", Record("$a.b", 1, "", state, (event(1, **state),), envelope))
        await append(store, "$a.b", 1, state=state, event=event(2, **state), envelope_set={"more": state})
        expected = Record("$a.b", 2, "h2", state, (event(1, **state), event(2, **state)), {**envelope, "more": state})
        assert await store.get("things", "$a.b") == expected
        await store.put_view("things", "v", state)
        assert [found.state for found in await store.find("things", limit=5)] == [state, state]

    async def test_empty_is_not_missing(self, store: RecordStore) -> None:
        state = {"text": "", "list": [], "object": {}, "none": None, "zero": 0, "no": False}
        await store.insert("things", record("", **state))
        found = await store.get("things", "")
        assert found is not None and found.state == state and found.state["no"] is False
        await store.insert_many("things", [])
        assert await store.find("things", limit=0) == []

    async def test_unknown_is_none(self, store: RecordStore) -> None:
        assert await store.get("things", "nobody") is None

    async def test_collections_are_apart(self, store: RecordStore) -> None:
        await store.insert("things", record("a", n=1))
        await store.insert("others", record("a", n=2))
        assert (await store.get_many("others", ["a"]))["a"].state == {"n": 2}

    async def test_the_same_id_is_refused(self, store: RecordStore) -> None:
        await store.insert("things", record("a", n=1))
        with pytest.raises(errors.AlreadyExists) as caught:
            await store.insert("things", record("a", n=2))
        assert caught.value.extra["field"] == "id"
        assert (await store.get_many("things", ["a"]))["a"].state == {"n": 1}

    async def test_a_unique_value_is_refused_and_named(self, store: RecordStore) -> None:
        await store.insert("things", record("a", key="k"))
        with pytest.raises(errors.AlreadyExists) as caught:
            await store.insert("things", record("b", key="k"))
        assert caught.value.extra["field"] == "state.key"
        assert await store.get("things", "b") is None

    async def test_unique_paths_are_sparse(self, store: RecordStore) -> None:
        await fill(store, {"a": {}, "b": {}, "c": {"key": None}, "d": {"key": None}})
        await append(store, "a", 1, state={"key": None}, envelope_set={"slot": None})
        assert await store.count("things") == 4

    async def test_of_many_with_one_unique_value_one_wins(self, store: RecordStore) -> None:
        tries = (store.insert("things", record(f"r{n}", key="same")) for n in range(50))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(result is None for result in results) == 1
        assert sum(isinstance(result, errors.AlreadyExists) for result in results) == 49

    async def test_get_many_takes_what_is_there(self, store: RecordStore) -> None:
        await fill(store, {"a": {"n": 1}, "b": {"n": 2}})
        found = await store.get_many("things", ["b", "nobody", "a", "b"])
        assert {key: value.state["n"] for key, value in found.items()} == {"a": 1, "b": 2}
        assert await store.get_many("things", []) == {}

    async def test_a_document_over_the_limit_is_refused(self, store: RecordStore) -> None:
        with pytest.raises(errors.TooLarge):
            await store.insert("things", record("a", text="x" * DOCUMENT_LIMIT))
        await store.insert("things", record("b", text="x" * (DOCUMENT_LIMIT - 1_000)))
        assert await store.count("things") == 1

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, "\ud800"])
    async def test_what_is_not_json_is_refused(self, store: RecordStore, value: Any) -> None:
        with pytest.raises(errors.Invalid):
            await store.insert("things", record("a", value=value))
        assert await store.get("things", "a") is None

    async def test_an_undeclared_collection_is_a_mistake(self, store: RecordStore) -> None:
        with pytest.raises(LookupError):
            await store.get("undeclared", "a")

    async def test_declaring_again_changes_nothing(self, store: RecordStore) -> None:
        await store.insert("things", record("a", key="k"))
        await asyncio.gather(*(store.ensure(THINGS, OTHERS) for _ in range(5)))
        assert await store.count("things") == 1


class TestAppend:
    async def test_it_writes_state_version_head_event_and_envelope_at_once(self, store: RecordStore) -> None:
        await store.insert("things", Record("a", 1, "h1", {"n": 1}, (event(1),), {"keep": 1, "drop": 2}))
        await append(store, "a", 1, envelope_set={"drop": None, "lease": {"token": "t"}})
        await append(store, "a", 2, envelope_set={"lease.until": 9, "never": None})
        assert await store.get("things", "a") == Record(
            "a",
            3,
            "h3",
            {"n": 3},
            (event(1), event(2), event(3)),
            {"keep": 1, "lease": {"token": "t", "until": 9}},
        )

    @pytest.mark.parametrize("version", [0, 1, 3])
    async def test_another_version_conflicts(self, store: RecordStore, version: int) -> None:
        await store.insert("things", record("a"))
        await append(store, "a", 1)
        with pytest.raises(errors.VersionConflict):
            await append(store, "a", version)
        found = await store.get("things", "a")
        assert found is not None and (found.version, len(found.outbox)) == (2, 1)

    async def test_an_unknown_record_is_not_found(self, store: RecordStore) -> None:
        with pytest.raises(errors.NotFound):
            await append(store, "nobody", 1)

    @pytest.mark.parametrize(
        ("guard", "fits"),
        [
            ({"envelope.lease.token": "t"}, True),
            ({"envelope.lease.token": "other"}, False),
            ({"envelope.lease.token": None}, False),
            ({"envelope.absent.deep": None}, True),
            ({"state.n": 1, "envelope.lease.token": "t"}, True),
            ({"state.n": 2, "envelope.lease.token": "t"}, False),
        ],
    )
    async def test_guards(self, store: RecordStore, guard: dict[str, Any], fits: bool) -> None:
        await store.insert("things", Record("a", 1, "", {"n": 1}, (), {"lease": {"token": "t"}}))
        assert await store.touch("things", "a", envelope_set={"seen": 1}, guard=guard) is fits
        if fits:
            await append(store, "a", 1, guard=guard)
        else:
            with pytest.raises(errors.VersionConflict):
                await append(store, "a", 1, guard=guard)
        found = await store.get("things", "a")
        assert found is not None
        assert found.version == (2 if fits else 1)
        assert ("seen" in found.envelope) is fits

    async def test_a_full_outbox_refuses_events_until_it_is_shipped(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        piece = "ü" * (OUTBOX_LIMIT // 2 - 100_000)
        await append(store, "a", 1, event=event(2, piece=piece))
        with pytest.raises(errors.Unavailable):
            await append(store, "a", 2, event=event(3, piece="x" * 300_000))
        await store.pull("things", "a", ["evt_2"])
        await append(store, "a", 2, event=event(3, piece="x" * 300_000))

    async def test_a_document_over_the_limit_is_refused(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        with pytest.raises(errors.TooLarge):
            await append(store, "a", 1, state={"text": "x" * DOCUMENT_LIMIT})
        await append(store, "a", 1)

    async def test_a_unique_value_can_be_taken_by_an_append(self, store: RecordStore) -> None:
        await fill(store, {"a": {"key": "k"}, "b": {}})
        with pytest.raises(errors.AlreadyExists) as caught:
            await append(store, "b", 1, state={"key": "k"})
        assert caught.value.extra["field"] == "state.key"
        await append(store, "b", 1, envelope_set={"slot": 1})
        with pytest.raises(errors.AlreadyExists):
            await store.touch("things", "a", envelope_set={"slot": 1})

    async def test_a_unique_value_that_was_given_up_is_free(self, store: RecordStore) -> None:
        await fill(store, {"a": {"key": "k"}, "b": {}})
        await store.touch("things", "a", envelope_set={"slot": 1})
        await append(store, "a", 1, state={}, envelope_set={"slot": None})
        await append(store, "b", 1, state={"key": "k"}, envelope_set={"slot": 1})
        found = await store.get("things", "b")
        assert found is not None and (found.state, found.envelope) == ({"key": "k"}, {"slot": 1})

    async def test_an_envelope_takes_what_is_inside_what_it_takes(self, store: RecordStore) -> None:
        await store.insert("things", Record("a", 1, "", {}, (), {"lease": {"token": "old", "until": 1}}))
        await append(store, "a", 1, envelope_set={"lease": {"token": "new"}, "lease.until": 2, "lease.token": None})
        assert await store.touch("things", "a", envelope_set={})
        assert not await store.touch("things", "a", envelope_set={}, guard={"envelope.lease": None})
        found = await store.get("things", "a")
        assert found is not None and found.envelope == {"lease": {"until": 2}}

    async def test_many_writers_of_one_record_leave_versions_without_a_gap(self, store: RecordStore) -> None:
        await store.insert("things", Record("a", 0, "", {"n": 0}))
        at_once = asyncio.Semaphore(10)

        async def writer(name: int) -> None:
            async with at_once:
                await insist(name)

        async def insist(name: int) -> None:
            while True:
                found = await store.get("things", "a")
                assert found is not None
                try:
                    await append(store, "a", found.version, event={**event(found.version + 1), "by": name})
                except errors.VersionConflict:
                    continue
                return

        await asyncio.gather(*(writer(name) for name in range(200)))
        found = await store.get("things", "a")
        assert found is not None and found.version == found.state["n"] == 200
        assert [item["sequence"] for item in found.outbox] == list(range(1, 201))
        assert {item["by"] for item in found.outbox} == set(range(200))

    async def test_the_stored_state_is_the_one_at_the_time_of_the_call(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        state = {"list": [1]}
        writing = asyncio.ensure_future(append(store, "a", 1, state=state))
        await asyncio.sleep(0)
        state["list"].append(2)
        await writing
        found = await store.get("things", "a")
        assert found is not None and found.state == {"list": [1]}


class TestOutbox:
    async def test_pull_keeps_what_was_not_shipped(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        await append(store, "a", 1)
        for _ in range(2):
            await store.pull("things", "a", ["evt_1", "evt_unknown"])
        await store.pull("things", "nobody", ["evt_1"])
        await store.pull("things", "a", [])
        await store.pull_many("things", {})
        found = await store.get("things", "a")
        assert found is not None and found.outbox == (event(2),)
        assert (found.version, found.state) == (2, {"n": 2})

    async def test_an_append_after_reading_survives_the_pull(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        (read,) = await store.waiting("things", 10)
        await append(store, "a", 1)
        await store.pull_many("things", {"a": [item["id"] for item in read.outbox]})
        (left,) = await store.waiting("things", 10)
        assert left.outbox == (event(2),)

    async def test_who_pulls_while_others_append_takes_each_event_once(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        taken: set[str] = set()
        written = asyncio.Event()

        async def pull() -> None:
            while not (written.is_set() and await store.waiting("things", 1) == []):
                for found in await store.waiting("things", 1):
                    shipped = [item["id"] for item in found.outbox]
                    await store.pull("things", "a", shipped)
                    taken.update(shipped)

        pullers = [asyncio.ensure_future(pull()) for _ in range(3)]
        for version in range(1, 31):
            await append(store, "a", version)
        written.set()
        await asyncio.gather(*pullers)
        assert taken == {f"evt_{number}" for number in range(2, 32)}
        found = await store.get("things", "a")
        assert found is not None and (found.version, found.outbox) == (31, ())
        await append(store, "a", 31, event=event(32, piece="x" * (OUTBOX_LIMIT - 1_000)))  # its room is free again

    async def test_who_waited_longest_comes_first(self, store: RecordStore) -> None:
        for key in ("c", "a", "b", "d"):
            await store.insert("things", record(key, outbox=[event(1)] if key != "d" else []))
        await store.pull("things", "c", ["evt_1"])
        await append(store, "a", 1)
        await append(store, "c", 1)
        assert [found.id for found in await store.waiting("things", 10)] == ["a", "b", "c"]
        assert [found.id for found in await store.waiting("things", 2)] == ["a", "b"]
        assert await store.waiting("others", 10) == []

    async def test_touch_leaves_version_and_outbox(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)], n=1))
        assert await store.touch("things", "a", envelope_set={"beat": 5})
        found = await store.get("things", "a")
        assert found == Record("a", 1, "first", {"n": 1}, (event(1),), {"beat": 5})
        assert not await store.touch("things", "nobody", envelope_set={"beat": 5})


class TestViews:
    async def test_put_replaces_and_delete_removes(self, store: RecordStore) -> None:
        await store.put_view("things", "v", {"n": 1, "old": True})
        await store.put_view("things", "v", {"n": 2})
        assert await store.get("things", "v") == Record("v", 0, "", {"n": 2})
        for _ in range(2):
            await store.delete("things", "v")
        assert await store.get("things", "v") is None

    async def test_delete_takes_waiting_events_along(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        await store.delete("things", "a")
        assert await store.waiting("things", 5) == []

    async def test_scan_gives_everything_in_the_order_of_ids(self, store: RecordStore) -> None:
        assert [r async for r in store.scan("things")] == []
        await fill(store, {f"r{n:02}": {"n": n} for n in range(25)})
        for batch in (1, 5, 25, 26):
            assert [r.state["n"] async for r in store.scan("things", batch)] == list(range(25))
            texts = [text async for found in store.texts("things", batch) for text in found]
            assert [json.loads(text.state)["n"] for text in texts] == list(range(25))
        await store.insert_many("things", [record("s1", n=1), record("s2", outbox=[event(1)])])
        last = [text async for found in store.texts("things") for text in found][-1]
        assert (last.id, last.version, last.outbox) == ("s2", record("s2").version, (event(1),))
        with pytest.raises(errors.AlreadyExists):
            await store.insert_many("things", [record("s3"), record("s1")])

    async def test_a_scan_can_be_left(self, store: RecordStore) -> None:
        await fill(store, {f"r{n:02}": {} for n in range(10)})
        scan = store.scan("things", 2)
        async for found in scan:
            if found.id == "r03":
                break
        await scan.aclose()  # type: ignore[attr-defined]
        assert await store.count("things") == 10


class TestLife:
    async def test_what_was_written_is_there_after_reopening(self, store_url: str) -> None:
        async with registry.record_store(store_url) as store:
            await store.ensure(THINGS)
            await store.insert("things", record("a", outbox=[event(1)]))
            await append(store, "a", 1)
        async with registry.record_store(store_url) as store:
            await store.ensure(THINGS)
            found = await store.get("things", "a")
            assert found is not None and (found.version, found.outbox) == (2, (event(1), event(2)))

    async def test_closing_while_busy_finishes_what_was_accepted(self, store_url: str) -> None:
        store = registry.record_store(store_url)
        await store.open()
        await store.ensure(THINGS)
        writes = [asyncio.ensure_future(store.insert("things", record(f"r{n}"))) for n in range(300)]
        await asyncio.sleep(0)  # let them hand over their writes
        await store.close()
        assert await asyncio.gather(*writes) == [None] * 300
        async with registry.record_store(store_url) as again:
            await again.ensure(THINGS)
            assert await again.count("things") == 300

    async def test_a_closed_store_says_so(self, store_url: str) -> None:
        store = registry.record_store(store_url)
        with pytest.raises(errors.Unavailable):
            await store.ensure(THINGS)
        async with store:
            await store.ensure(THINGS)
        await store.close()
        with pytest.raises(errors.Unavailable):
            await store.get("things", "a")

    async def test_closing_leaves_no_thread_and_no_task(self, store_url: str) -> None:
        threads, tasks = _threads(), asyncio.all_tasks()
        async with registry.record_store(store_url) as store:
            await store.ensure(THINGS)
            await store.insert("things", record("a"))
        assert _threads() == threads
        assert asyncio.all_tasks() == tasks

    async def test_a_cancelled_write_is_whole_or_absent_and_harms_no_other(self, store: RecordStore) -> None:
        writes = [asyncio.ensure_future(store.insert("things", record(f"r{n}", outbox=[event(1)]))) for n in range(60)]
        await asyncio.sleep(0)
        for cancelled in writes[::2]:
            cancelled.cancel()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert all(result is None for result in results[1::2])
        found = await store.get_many("things", [f"r{n}" for n in range(60)])
        assert {f"r{n}" for n in range(1, 60, 2)} <= set(found)
        assert all(item.version == 1 and item.outbox == (event(1),) for item in found.values())

    async def test_cancelled_calls_of_every_kind_leave_a_store_that_works(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        for turns in range(6):
            calls = [
                asyncio.ensure_future(append(store, "a", 1, envelope_set={"slot": turns})),
                asyncio.ensure_future(store.touch("things", "a", envelope_set={"beat": turns})),
                asyncio.ensure_future(store.pull("things", "a", ["evt_1"])),
                asyncio.ensure_future(store.put_view("things", "v", {"n": turns})),
                asyncio.ensure_future(store.find("things", sort=[SortKey("state.n")], limit=5)),
                asyncio.ensure_future(store.get_many("things", ["a", "v"])),
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await store.pull("things", "a", ["evt_1"])
        await store.put_view("things", "v", {"n": "last"})
        found = await store.get_many("things", ["a", "v"])
        assert found["v"].state == {"n": "last"}
        assert found["a"].version == 1 + len(found["a"].outbox) <= 2  # each event wholly or not at all

    async def test_check_tells_its_size(self, store: RecordStore) -> None:
        size = (await store.check())["size"]
        assert isinstance(size, int) and size > 0


def _threads() -> set[threading.Thread]:
    """All but the event loop's own, which look names up and end with it."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
