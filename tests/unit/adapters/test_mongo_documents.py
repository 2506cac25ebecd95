"""What a record store in MongoDB does without a server: documents, queries, and errors of the driver."""

from __future__ import annotations

import asyncio
from typing import Any

import pymongo.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from common import errors
from common.adapters.mongo_connection import MongoConnection, Taken, _Lost, _translated
from common.adapters.mongo_document import Change, document_of, plain, record_of, shipped, stored
from common.adapters.mongo_query import compiled, stretches
from common.adapters.turns import Turns
from common.filtering.conditions import And, Comparison, Or
from common.filtering.sorting import SortKey
from common.ports.record_store import Record

NAMES = some.text(some.sampled_from("a.$%/0 \x00ż2E"), max_size=4)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63 - 1) | some.text(max_size=3),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def _names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in _names(inner)}
    return {name for item in value for name in _names(item)} if isinstance(value, list) else set()


@settings(max_examples=30)
@given(VALUES)
def test_values_come_back_and_no_name_means_something_to_mongodb(value: Any) -> None:
    assert plain(stored(value)) == value
    assert not any(set("$.\x00") & set(name) for name in _names(stored(value)))


def test_a_record_comes_back_from_its_document() -> None:
    record = Record("a", 2, "h", {"k": None, "l": [1]}, ({"id": "e", "x": [1]},), {"lease": {"token": "t"}})
    document = document_of(record, ("state.k", "envelope.lease.token"), 7)
    assert record_of(document) == record
    assert (document["unique"], document["waiting"]) == ({"envelope/lease/token": "t"}, 7)


def test_a_change_sets_what_is_outermost_and_keeps_unique_values() -> None:
    change = Change(("envelope.lease.token", "state.k")).envelope(
        {"lease": {"token": "t"}, "lease.until": 2, "gone": None}
    )
    assert change.append({"k": 1}, "h", {"id": "e"}, 7).update() == {
        "$set": {
            "envelope.lease": {"token": "t", "until": 2},
            "unique.envelope/lease/token": "t",
            "state": {"k": 1},
            "head": "h",
            "unique.state/k": 1,
        },
        "$unset": {"envelope.gone": ""},
        "$inc": {"version": 1, "outbox_size": 10},
        "$push": {"outbox": {"id": "e", "size": 10, "text": '{"id":"e"}'}},
        "$min": {"waiting": 7},
    }


def test_the_last_event_that_is_shipped_ends_the_waiting() -> None:
    document = {"_id": "a", "version": 3, "outbox": [{"id": "1", "size": 5}, {"id": "2", "size": 6}]}
    assert shipped(document, frozenset(["x"])) is None
    found = shipped(document, frozenset(["1"]))
    assert found is not None and "$unset" not in found[1] and found[1]["$inc"] == {"outbox_size": -5}
    found = shipped(document, frozenset(["1", "2"]))
    assert found is not None and found[0]["outbox"] == {"$size": 2} and found[1]["$unset"] == {"waiting": ""}


def test_queries_that_an_index_gives_need_no_aggregation() -> None:
    up, down = SortKey("state.f1"), SortKey("state.created", descending=True)
    assert [one.missing for one in stretches((up, down), None)] == [{}, {}]
    assert [one.missing for one in stretches((down, up), None)] == [
        {"missing_0": "state.f1"},
        {"missing_0": "state.f1"},
    ]
    there, missing = stretches((up,), None)
    assert (there.where, there.order) == ({"state.f1": {"$ne": None}}, {"state.f1": 1, "_id": 1})
    assert (missing.where, missing.order) == ({"state.f1": {"$eq": None}}, {"_id": 1})
    assert compiled(And(())) == {} and compiled(Or(())) == {"_id": {"$in": []}}
    with pytest.raises(errors.BadFilter, match="too long"):
        compiled(Comparison("state.name", "~", "ż" * 4_000))


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (
            pymongo.errors.ServerSelectionTimeoutError("host:1: [Errno 111] Connection refused (configured: secret)"),
            errors.Unavailable,
            "cannot be reached: host:1: .* refused$",
        ),
        (pymongo.errors.NetworkTimeout("secret"), _Lost, "does not answer"),
        (pymongo.errors.ExecutionTimeout("secret", 50), _Lost, "does not answer"),
        (pymongo.errors.WTimeoutError("secret", 64), _Lost, "does not answer"),
        (OSError("secret"), _Lost, "does not answer"),
        (
            pymongo.errors.OperationFailure("secret", 18, {"codeName": "AuthenticationFailed"}),
            errors.Unavailable,
            "user",
        ),
        (pymongo.errors.OperationFailure("secret", 14031, {}), errors.StorageFull, "is full"),
        (pymongo.errors.OperationFailure("secret", 10334, {}), errors.TooLarge, "that large"),
        (
            pymongo.errors.OperationFailure("secret", 9, {"codeName": "FailedToParse"}),
            errors.Unavailable,
            "FailedToParse",
        ),
        (pymongo.errors.DocumentTooLarge("secret"), errors.TooLarge, "that large"),
        (pymongo.errors.ConfigurationError("reports wire version 6, secret"), errors.Unavailable, "too old"),
        (pymongo.errors.InvalidOperation("secret"), errors.Unavailable, "cannot be used"),
        (OverflowError("secret"), errors.Invalid, "64 bits"),
        (pymongo.errors.BulkWriteError({"writeErrors": [{"code": 14031}]}), errors.StorageFull, "is full"),
    ],
)
def test_what_the_driver_raises_is_told_without_its_text(raised: Exception, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught, _translated("host/db", _Lost):
        raise raised
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "raised",
    [
        pymongo.errors.DuplicateKeyError(
            "E11000", 11000, {"errmsg": "E11000 collection: d.c index: unique:a dup key: {}"}
        ),
        pymongo.errors.BulkWriteError({"writeErrors": [{"code": 11000, "errmsg": "E11000 index: unique:a dup key"}]}),
    ],
)
def test_a_duplicate_names_its_index(raised: Exception) -> None:
    with pytest.raises(Taken, match=r"^unique:a$"), _translated("host/db"):
        raise raised


class _Answers:
    """A call whose attempts end one after the other as told; an event is waited for, and then it goes on."""

    def __init__(self, *ends: Any) -> None:
        self.ends, self.begun = list(ends), 0

    async def __call__(self) -> str:
        end = self.ends[self.begun]
        self.begun += 1
        if isinstance(end, asyncio.Event):
            await end.wait()
            return "done"
        if isinstance(end, Exception):
            raise end
        return str(end)


@pytest.fixture
def connection() -> MongoConnection:
    made = MongoConnection("mongodb://user:secret@host/db")
    made._client = object()  # type: ignore[assignment]  # that it is open; the calls of these tests have their own
    return made


async def test_a_lost_answer_is_asked_for_once_more(connection: MongoConnection) -> None:
    lost = pymongo.errors.AutoReconnect("secret")
    assert not (await connection._write(_Answers("done"))).again
    assert (await connection._write(_Answers(lost, "done"))).again
    assert await connection._read(_Answers(lost, "done")) == "done"
    with pytest.raises(errors.Unavailable):
        await connection._write(_Answers(lost, lost))
    away = _Answers(pymongo.errors.ServerSelectionTimeoutError("secret"))
    with pytest.raises(errors.Unavailable, match="host/db cannot be reached"):
        await connection._write(away)
    assert away.begun == 1  # nothing was sent


async def test_who_is_cancelled_leaves_when_the_write_has_ended(connection: MongoConnection) -> None:
    going_on = asyncio.Event()
    call = _Answers(going_on)
    writing = asyncio.ensure_future(connection._write(call))
    while not call.begun:
        await asyncio.sleep(0)
    writing.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not writing.done()
    going_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await connection._turns.all_ended()


async def test_who_waits_for_a_turn_gives_up_when_nobody_is_answered(
    connection: MongoConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.adapters.turns._PATIENCE", 0.01)
    connection._turns = Turns("the record store", 1)
    going_on = asyncio.Event()
    first = asyncio.ensure_future(connection._read(_Answers(going_on)))
    await asyncio.sleep(0)
    with pytest.raises(errors.Unavailable, match="does not answer"):
        await connection._read(_Answers("never sent"))
    going_on.set()
    assert await first == "done"
    assert await connection._read(_Answers("done")) == "done"
