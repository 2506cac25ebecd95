"""Figure 4: what the call log costs the reads of the REST interface. As a program: a platform without it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from benchmarks.figure import Figure, Scale, at_least
from benchmarks.samples import in_turn, spread
from benchmarks.server import Server, server

_PATH = "/v1/datasets/iris"
_READS = 10  # times the repetitions


def reads(scale: Scale) -> Sequence[Figure]:
    """Reads a second over one connection, the log on and off."""
    with server() as logged, server(module="benchmarks.calls") as unlogged:
        logged.settle()
        unlogged.settle()
        count = _READS * scale.repetitions

        def sample(one: Server) -> float:
            connection = http.client.HTTPConnection(urlsplit(one.url).netloc)
            try:
                began = time.perf_counter()
                for _ in range(count):
                    connection.request("GET", _PATH)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        raise RuntimeError(f"{_PATH}: {answer.status}")
                return (time.perf_counter() - began) / count
            finally:
                connection.close()

        taken = in_turn(lambda: sample(logged), lambda: sample(unlogged), rounds=scale.rounds, each=3)
    rates = [spread([1 / one for one in side], "/s") for side in (taken.ours, taken.floor)]
    ratios = [other / one for one, other in zip(taken.ours, taken.floor, strict=True)]
    return [at_least("4 rate of reads, call log on against off", *rates, ratios, 0.8)]


def _without_log() -> None:
    from common.journal import Journal
    from embedded.__main__ import main

    Journal.begin = Journal.end = lambda self, event: None  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    _without_log()
