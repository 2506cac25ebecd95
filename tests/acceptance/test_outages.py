"""A cluster at work whose engines stop, die, freeze, are slow, lose what is theirs, and hold what nobody should send.

`make test-engines` has each outage last until it is noticed; `make test-outages` for a minute more, and of each engine
by itself where the short run takes all of them together (AUTOLEARN_TEST_OUTAGE, in seconds).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.adapters.event_log.kafka_url import parsed
from tests import engines
from tests.acceptance.conftest import MORE
from tests.acceptance.intruder import Intruder
from tests.clusters import ClusterPlatform
from tests.load import Load
from tests.proxies import Proxies
from tests.second_broker import FIRST, SECOND, SecondBroker
from tests.waiting import until

SECONDS = float(os.environ.get("AUTOLEARN_TEST_OUTAGE", "0"))
pytestmark = [pytest.mark.external, pytest.mark.timeout(300 + 3 * SECONDS)]
AWAY = {
    "rabbitmq": "message bus is away",
    "kafka": "event log is away",
    "mongo": "record store",
    "s3": "blob store is away",
}
"""Of each engine, what `/readyz` says when it is away."""
PEOPLE = 4 if SECONDS else 2
NOT_NEEDED = ("rabbitmq", "kafka")
"""Engines without which everything is accepted and done."""
SETS = [(name,) for name in AWAY] if SECONDS else [tuple(AWAY)]
FOREST = {"dataset": "mammography", "target": "column_7", "parameters": {"n_estimators": 60}}


def frozen(name: str) -> AbstractContextManager[None]:
    return engines.frozen(engines.ours(name)["pid"])


OUTAGES: dict[str, Callable[[str], AbstractContextManager[None]]] = {
    **({"stopped": engines.stopped} if SECONDS else {"killed": engines.killed}),
    "frozen": frozen,
}


@pytest.mark.parametrize("how", OUTAGES)
@pytest.mark.parametrize("name", AWAY)
def test_an_engine_that_goes_away_and_comes_back_loses_nothing(cluster: ClusterPlatform, name: str, how: str) -> None:
    engines.ours(name)
    session = cluster.session()
    long = cluster.train(session, "random_forest", wait=False, **FOREST)["id"]
    until(lambda: cluster.job(long)["state"] == "running", 40, "a running job")
    with healing(cluster), Load(cluster, PEOPLE) as load:
        with OUTAGES[how](name):
            until(lambda: AWAY[name] in readiness(cluster), 40, f"word of {name} being away", every=0.5)
            before = load.answers[503]
            lasts(SECONDS)
            if SECONDS and name in NOT_NEEDED:
                assert load.answers[503] == before
        heals(cluster)
    print(f"{name} {how}: {load}")
    assert cluster.ended(long, 90)["state"] == "succeeded"


@pytest.mark.parametrize("names", SETS, ids="-".join)
def test_slow_engines_cost_time_and_nothing_else(
    cluster: ClusterPlatform, proxies: Proxies, names: tuple[str, ...]
) -> None:
    with healing(cluster), Load(cluster, PEOPLE) as load:
        with proxies.slow(*names, latency=0.05, slice=100):
            lasts(SECONDS, load, 4)
        heals(cluster)
    print(f"{names} slow: {load}")


@pytest.mark.parametrize("names", SETS, ids="-".join)
def test_connections_that_are_reset_again_and_again_lose_nothing(
    cluster: ClusterPlatform, proxies: Proxies, names: tuple[str, ...]
) -> None:
    with healing(cluster), Load(cluster, PEOPLE) as load:
        with proxies.slow(*names, latency=0.002, slice=50):
            for _ in range(5 + int(SECONDS)):
                lasts(0.5)
                proxies.reset(*names)
        heals(cluster)
    print(f"{names} reset: {load}")


@contextlib.contextmanager
def healing(cluster: ClusterPlatform) -> Iterator[None]:
    """What is done within costs no process its life, and no promise is broken."""
    before = {one.name: one.pid for one in cluster.processes()}
    try:
        yield
        assert {one.name: one.pid for one in cluster.processes()} == before
        cluster.keeps_its_promises()
        assert cluster.get("/v1/log:verify")["ok"]
    except BaseException as error:
        error.add_note(f"{readiness(cluster)}\n{cluster.words()}")
        raise


def heals(cluster: ClusterPlatform) -> None:
    """Everything is in use again."""
    until(lambda: cluster.http.get("/readyz").json().get("degraded") == [], 90, "everything in use again", every=0.5)


def lasts(seconds: float, load: Load | None = None, more: int = 0) -> None:
    """Let time pass, and wait until `more` trainings were accepted."""
    end, wanted = time.monotonic() + seconds, more + (load.accepted if load else 0)
    until(
        lambda: time.monotonic() >= end and (load is None or load.accepted >= wanted),
        seconds + 60,
        "more work",
        every=0.1,
    )


def readiness(cluster: ClusterPlatform) -> str:
    """What the door says of itself, after something that the log of calls has to hold."""
    try:
        cluster.http.get("/v1/sessions")
        return cluster.http.get("/readyz").text
    except httpx.TransportError:
        return ""


TASKS = ("training.tasks", "evaluation.tasks", "training.searches", "session.events", "storage.events")
"""The queues that processes share."""


@pytest.mark.parametrize("what", ["queues", "exchange"])
def test_what_is_deleted_on_the_broker_is_made_again(cluster: ClusterPlatform, what: str) -> None:
    intruder = Intruder(cluster.urls)
    with healing(cluster), Load(cluster, PEOPLE) as load:
        lasts(0, load, 2)
        if what == "queues":
            intruder.delete(*TASKS)
        else:
            intruder.delete_exchange()
        lasts(SECONDS, load, 4)
        until(lambda: intruder.listeners("training.tasks") == MORE["training-task"], 40, "listeners", every=0.5)
        heals(cluster)


def test_poison_on_queues_and_topics_is_put_aside(cluster: ClusterPlatform) -> None:
    intruder = Intruder(cluster.urls)
    aside = intruder.waiting("dead")
    with healing(cluster), Load(cluster, PEOPLE) as load:
        for kind in ("training.queued", "training.cancel", "training.finished", "session.ending", "key.destroyed"):
            poison = [b"", b"no json", b"[" * 100_000, b"\xff\x00" * 50, b'{"kind": 1, "ids": {}}']
            poison += [json.dumps({"kind": kind, "ids": ids}).encode() for ids in STRANGE]
            intruder.ring(kind, poison)
        for topic in ("state", "calls"):
            intruder.write(topic, [b"no json", b"{}", b"[" * 100_000, b"\xff\x00" * 50, None])
        lasts(SECONDS, load, 4)
        assert intruder.waiting("dead") > aside
        heals(cluster)


STRANGE: list[Any] = [
    {}, None, [], {"job": None}, {"job": "../keys/x"}, {"job": "\ud800"}, {"job": "x" * 10_000},
    {"job": "trn_nobody", "session": "ses_nobody", "owner": "ses_nobody"},
]  # fmt: skip
"""Ids that no bell has, and some of nobody."""


def test_storms_of_redeliveries_cost_time_and_nothing_else(cluster: ClusterPlatform) -> None:
    intruder = Intruder(cluster.urls)
    with healing(cluster), Load(cluster, PEOPLE) as load:
        lasts(0, load, 2)
        trainings = [one for round in load.rounds for one in round.trainings]  # noqa: A001
        bells = {
            kind: [json.dumps({"kind": kind, "ids": {"job": one}}).encode() for one in trainings]
            for kind in ("training.queued", "training.finished")
        }
        for kind, bodies in bells.items():
            intruder.ring(kind, bodies * 50)
        intruder.refuse("training.tasks", 50 + int(20 * SECONDS), "training.queued", bells["training.queued"])
        lasts(SECONDS, load, 4)
        heals(cluster)


@pytest.mark.skipif(not SECONDS, reason="tests/contract/test_kafka_that_fails.py has topics without a leader, too")
def test_topics_without_a_leader_are_waited_for(cluster: ClusterPlatform, tmp_path: Path) -> None:
    engines.ours("kafka")
    prefix = parsed(cluster.urls["event_log"]).prefix
    topics = [(f"{prefix}.state", 0), *((f"{prefix}.calls", number) for number in range(4))]
    broker = SecondBroker(tmp_path)
    broker.start()
    try:
        with healing(cluster), Load(cluster, PEOPLE) as load:
            broker.move(topics, SECOND)
            lasts(0, load, 2)
            broker.down()
            until(lambda: AWAY["kafka"] in readiness(cluster), 40, "word of topics being away", every=0.5)
            lasts(SECONDS, load, 4)
            broker.start()
            heals(cluster)
            broker.move(topics, FIRST)
    finally:
        broker.down()
