"""Load: requests, trainings, long lists, large files; the memory of the server and what stops its event loop."""

from __future__ import annotations

import asyncio
import collections
import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence

import psutil

from benchmarks import watched
from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import Latency
from benchmarks.server import Server, server, small

_MIB = 2**20
_ARTIFACT = 100 * _MIB
_STALL = 50.0


class Memory:
    """The most resident memory of one process over a time, above what it had before."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before = self._most = self._process.memory_info().rss
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def grown(self) -> float:
        """MiB."""
        return (self._most - self._before) / _MIB

    def _look(self) -> None:
        while not self._end.wait(0.02):
            self._most = max(self._most, self._process.memory_info().rss)


def under_load(scale: Scale) -> Sequence[Figure]:
    """Answers to 1,000 requests at once, the ends of many trainings on two slots, and an artifact of 100 MiB."""
    figures: list[Figure] = []
    # Many more than the machine has cores are asked for; two run, as the issue has it.
    with server(module="benchmarks.watched", slots="2") as ours:
        ours.settle()
        for name, work in (
            ("1,000 requests in flight", _in_flight),
            (f"{scale.many} trainings queued", _queued),
            ("a list of 200 jobs, again and again", _list),
            ("an upload of 100 MiB", _upload),
            ("an artifact of 100 MiB", _artifact),
        ):
            began = time.monotonic()
            with Memory(ours.process) as memory:
                told = work(ours, scale)
            figures.append(at_most(f"L {name}, memory", told, "", [memory.grown], 200, unit="MiB"))
            stalls = [one for one in _noted(ours) if one["at"] >= began and "collected" not in one]
            worst = max((1e3 * stall["seconds"] for stall in stalls), default=0.0)
            found = f"{len(stalls)} over {1e3 * watched.NOTED:g} ms"
            figures.append(at_most(f"L {name}, worst stall of the loop", found, "", [worst], _STALL, unit="ms"))
            for stall in sorted(stalls, key=lambda one: -one["seconds"])[:3]:
                print(f"{1e3 * stall['seconds']:.0f} ms ({1e3 * stall['wall']:.0f} by the clock) in\n{stall['doing']}")
        figures.append(_collections(ours))
    return figures


def _collections(ours: Server) -> Figure:
    """The longest of all collections of garbage during that."""
    found = [one for one in _noted(ours) if "collected" in one]
    counts = collections.Counter(int(one["collected"]) for one in found)
    told = ", ".join(f"{count} of generation {generation}" for generation, count in sorted(counts.items()))
    longest = max((1e3 * one["seconds"] for one in found), default=0.0)
    return at_most("L longest collection of garbage", told or "none", "", [longest], _STALL, unit="ms")


def _noted(ours: Server) -> list[dict[str, float]]:
    return [json.loads(line) for line in (ours.folder / watched.FILE).read_text().splitlines()]


def _in_flight(ours: Server, scale: Scale) -> str:
    """All are answered: done, or refused with the time after which to try again."""
    codes = asyncio.run(_crowd(ours.url, 1_000))
    return ", ".join(f"{count}× {code}" for code, count in sorted(codes.items()))


async def _crowd(url: str, count: int) -> collections.Counter[str]:
    """Plain sockets, all open before the first request is written: a client's pool would let them in one by one."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    gate = asyncio.Event()
    open_now = 0

    async def one(number: int) -> str:
        nonlocal open_now
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            open_now += 1
            if open_now == count:
                gate.set()
            await gate.wait()
            writer.write(_request(number))
            return _told(await reader.read())
        except OSError as error:
            return f"DROPPED ({type(error).__name__})"
        finally:
            writer.close()

    async with asyncio.timeout(120):
        return collections.Counter(await asyncio.gather(*(one(number) for number in range(count))))


def _request(number: int) -> bytes:
    """Reads and writes, by turns."""
    body = b"" if number % 2 else json.dumps({"name": f"crowd {number}"}).encode()
    line = b"POST /v1/sessions" if body else b"GET /v1/datasets"
    told = b"Host: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d" % len(body)
    return b"%s HTTP/1.1\r\n%s\r\n\r\n%s" % (line, told, body)


def _told(answer: bytes) -> str:
    """The status; what is missing is said aloud."""
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()
    if not head.startswith("http/1.1 "):
        return "DROPPED (no answer)"
    status = head.split()[1]
    return status if status not in ("429", "503") or "\r\nretry-after: " in head else f"{status} WITHOUT Retry-After"


def _queued(ours: Server, scale: Scale) -> str:
    session = ours.session("queue")
    jobs = [ours.json("POST", "/v1/trainings", json=small(session))["id"] for _ in range(scale.many)]
    states = collections.Counter(
        ours.json("GET", f"/v1/trainings/{job}", headers={"Prefer": "wait=60"})["state"]
        for job in _until_ended(ours, jobs)
    )
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _until_ended(ours: Server, jobs: Sequence[str]) -> Iterator[str]:
    end = time.monotonic() + 600
    for job in jobs:
        while ours.json("GET", f"/v1/trainings/{job}")["state"] in ("queued", "running") and time.monotonic() < end:
            time.sleep(0.2)
        yield job


def _list(ours: Server, scale: Scale) -> str:
    """Pages as large as they may be asked for by most; after the queue there are that many jobs."""
    took = []
    for _ in range(scale.repetitions):
        began = time.perf_counter()
        page = ours.json("GET", "/v1/trainings", params={"limit": 200})["items"]
        took.append(time.perf_counter() - began)
    return f"{len(page)} jobs, {Latency(tuple(took))}"


def _upload(ours: Server, scale: Scale) -> str:
    """Piece by piece, as a file is sent; stored and read as a table in a child."""
    rng = random.Random(2)
    row = ",".join(f"{rng.random():.15f}" for _ in range(50)) + "\n"
    head = ",".join(f"c{number}" for number in range(50)) + "\n"
    count = _ARTIFACT // len(row)

    def pieces() -> Iterator[bytes]:
        yield head.encode()
        piece = 500
        for start in range(0, count, piece):
            yield (row * min(piece, count - start)).encode()

    told = ours.json(
        "POST",
        "/v1/datasets",
        content=pieces(),
        params={"name": "large"},
        headers={"content-type": "text/csv", "Prefer": "wait=60"},
    )
    return f"{told['rows']} of {count} rows"


def _artifact(ours: Server, scale: Scale) -> str:
    """Trees that learn noise by heart: their size is that of the noise."""
    rng = random.Random(1)
    rows = "\n".join(f"{rng.random():.6f},{rng.random():.6f},{'ab'[rng.random() < 0.5]}" for _ in range(20_000))
    ours.json(
        "POST",
        "/v1/datasets",
        content=f"x,y,label\n{rows}\n",
        params={"name": "noise"},
        headers={"content-type": "text/csv"},
    )
    session = ours.session("large")
    told = {"n_estimators": 400}
    job = ours.json(
        "POST",
        "/v1/trainings",
        json={
            "session": session,
            "dataset": "noise",
            "target": "label",
            "algorithm": "sklearn.ensemble.ExtraTreesClassifier",
            "parameters": told,
        },
    )["id"]
    list(_until_ended(ours, [job]))
    ended = ours.json("GET", f"/v1/trainings/{job}")
    if ended["state"] != "succeeded":
        return f"{ended['state']}: {ended['problem']}"
    digest, size = hashlib.sha256(), 0
    with ours.http.stream("GET", f"/v1/trainings/{job}/artifact") as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            digest.update(chunk)
            size += len(chunk)
    same = f"sha256:{digest.hexdigest()}" == ended["result"]["artifact"]["digest"]
    return f"{size / _MIB:.0f} MiB, {'whole' if same else 'DAMAGED'}"
