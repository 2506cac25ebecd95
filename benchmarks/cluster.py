"""The distributed mode: against Celery on the same RabbitMQ, against the embedded mode, and what its processes take.

Nothing is measured where an engine does not run (`python -m deploy.engines up`).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil

from benchmarks import footprint
from benchmarks.alone import ONE_THREAD
from benchmarks.celery_tasks import BROKER, DATASET, DONE
from benchmarks.figure import Figure, Scale, at_least, at_most
from benchmarks.samples import Latency, in_turn, spread
from benchmarks.server import PATIENCE, Server, server
from benchmarks.training import many, seconds
from cli.supervising import Cluster
from deploy.engines.__main__ import ENGINES
from deploy.engines.places import within
from deploy.trial_cluster import cluster_file

_SETTINGS = {"record_store": "mongo", "event_log": "kafka", "message_bus": "rabbitmq", "blob_store": "s3"}
_SLOTS = 2
_MIB = 2**20


def distributed(scale: Scale) -> Sequence[Figure]:
    """Rate against Celery's, latency against the embedded mode's, and memory by kind of process."""
    urls = _places()
    if urls is None:
        return []
    with _cluster(urls) as (cluster, ours):
        ours.settle()
        resting = _memory(cluster)
        session = ours.session("figures")
        request = ours.train(session)["request"]
        figures = [_against_embedded(scale, ours, session)]
        with tempfile.TemporaryDirectory(prefix="autolearn-celery-") as folder:
            dataset = ours.dataset(request["dataset"]["name"], Path(folder))
            for fresh in (True, False):
                figures.append(_against_celery(scale, ours, session, request, dataset, fresh=fresh))
        figures += _loaded(scale, cluster, ours, session, resting)
    return figures


def _places() -> Mapping[str, str] | None:
    """The settings of a platform with a place of its own in every engine."""
    place, found = f"bench-{uuid4().hex}", {}
    for setting, name in _SETTINGS.items():
        there = ENGINES[name]().running()
        if there is None:
            return None
        found[setting] = within(name, str(there["url"]), place)
    return found


@contextlib.contextmanager
def _cluster(urls: Mapping[str, str]) -> Iterator[tuple[Cluster, Server]]:
    """One process for each role of each service, the training's task worker with all slots."""
    told = {f"AUTOLEARN_{name.upper()}": url for name, url in urls.items()} | {"AUTOLEARN_SLOTS": str(_SLOTS)}
    with tempfile.TemporaryDirectory(prefix="autolearn-bench-") as name, _environment(told):
        cluster, file = Cluster(Path(name) / "cluster"), Path(name) / "cluster.conf"
        file.write_text(cluster_file())
        began = time.monotonic()
        try:
            door = next(one for one in cluster.up(file) if one.name == "gateway-rest-0")
            assert door.url is not None and door.pid is not None
            with httpx.Client(base_url=door.url, timeout=PATIENCE) as http:
                yield cluster, Server(door.url, door.pid, cluster.folder, http, time.monotonic() - began)
        finally:
            cluster.down(PATIENCE)


@contextlib.contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("AUTOLEARN_")]:
        del os.environ[name]
    os.environ.update(told)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _against_embedded(scale: Scale, ours: Server, session: str) -> Figure:
    with server(slots=str(_SLOTS)) as embedded:
        embedded.settle()
        other = embedded.session("figures")
        taken = in_turn(
            functools.partial(seconds, functools.partial(ours.train, session)),
            functools.partial(seconds, functools.partial(embedded.train, other)),
            rounds=scale.rounds,
            each=scale.repetitions,
            warmup=2,
        )
    sides = (str(Latency(taken.ours)), str(Latency(taken.floor)))
    return at_most("distributed: 1 small training, against the embedded mode", *sides, taken.ratios(), 2.0)


def _against_celery(
    scale: Scale, ours: Server, session: str, request: Mapping[str, Any], dataset: Path, *, fresh: bool
) -> Figure:
    count = 3 * scale.many // 2
    with _celery(dataset, fresh=fresh) as submit:
        taken = in_turn(
            functools.partial(many, ours, session, count),
            functools.partial(submit, request, count),
            rounds=scale.rounds,
        )
    rates = [spread([count / one for one in side], "/s") for side in (taken.ours, taken.floor)]
    ratios = [other / one for one, other in zip(taken.ours, taken.floor, strict=True)]
    what = f"distributed: rate of {count} small trainings, {_SLOTS} at a time, against Celery"
    if fresh:
        return at_least(f"{what}, a fresh process each", *rates, ratios, 1.0)
    return Figure(f"{what}, processes used again", *rates, spread(ratios, "×"), "stated", True)


@contextlib.contextmanager
def _celery(dataset: Path, *, fresh: bool) -> Iterator[Any]:
    """A Celery worker on the same RabbitMQ; yields what submits so many fits and waits for all, in seconds."""
    there = ENGINES["rabbitmq"]().running()
    assert there is not None
    told = {**os.environ, **ONE_THREAD, BROKER: str(there["url"]), DATASET: str(dataset)}
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.celery_tasks", "worker"]
    command += ["--concurrency", str(_SLOTS), "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    command += ["--max-tasks-per-child", "1"] if fresh else []
    worker = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, start_new_session=True)
    os.environ[BROKER] = told[BROKER]
    try:
        from benchmarks.celery_tasks import app, fit_small

        app.conf.broker_url = told[BROKER]

        def submit(request: Mapping[str, Any], count: int) -> float:
            text, done = json.dumps(request), dataset.with_name(DONE)
            done.write_bytes(b"")
            began = time.perf_counter()
            for _ in range(count):
                fit_small.delay(text)
            while done.stat().st_size < count:
                if time.perf_counter() - began > PATIENCE:
                    raise TimeoutError(f"Celery has done {done.stat().st_size} of {count} fits")
                time.sleep(0.002)  # nobody tells when a file grows
            return time.perf_counter() - began

        yield submit
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(30)


def _loaded(scale: Scale, cluster: Cluster, ours: Server, session: str, resting: Mapping[str, float]) -> list[Figure]:
    """PSS of every kind of process before any work, and the most of it while 2 trainings at a time run."""
    work = threading.Thread(target=many, args=(ours, session, scale.many))
    work.start()
    most: defaultdict[str, float] = defaultdict(float)
    while work.is_alive():
        for kind, taken in _memory(cluster).items():
            most[kind] = max(most[kind], taken)
    work.join()
    figures = [
        Figure(f"memory of {kind}, idle → loaded", f"{idle:.0f} → {most[kind]:.0f} MiB", "", "", "stated", True)
        for kind, idle in resting.items()
    ]
    total = f"{sum(resting.values()):.0f} → {sum(most.values()):.0f} MiB"
    return [*figures, Figure(f"memory of all {len(resting)} processes", total, "", "", "stated", True)]


def _memory(cluster: Cluster) -> dict[str, float]:
    """MiB of PSS by the name of the process, with its children."""
    return {one.name: footprint.memory(psutil.Process(one.pid)) / _MIB for one in cluster.processes() if one.pid}
