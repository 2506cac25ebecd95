"""Where the time of one small training goes, drawn: `python -m benchmarks.timeline [--write]`.

Its calls and changes as the event log has them, then the steps of the task function in a bare child, of the run with
the median duration each. `--write` puts both into docs/explanation/where-the-time-goes.md.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.alone import alone
from benchmarks.server import Server, server, small
from common import times

_PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "where-the-time-goes.md"
_BEGIN, _END = "<!-- drawn by python -m benchmarks.timeline -->\n", "<!-- end of what is drawn -->\n"
_RUNS = 15
_WAIT = {"Prefer": "wait=60"}


@dataclass(frozen=True)
class Bar:
    """Something that took from `begin` to `end`, in milliseconds since the first byte of the request."""

    section: str
    name: str
    begin: float
    end: float


def main() -> None:
    """Draw both, print them, and write them if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timeline", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write docs/explanation/{_PAGE.name}")
    asked = parser.parse_args()
    with server() as ours, tempfile.TemporaryDirectory(prefix="autolearn-timeline-") as name:
        ours.settle()
        session = ours.session("timeline")
        runs = sorted((_run(ours, session) for _ in range(_RUNS)), key=lambda run: run[0])
        request = runs[0][2]["request"]
        steps = _steps(request, ours.dataset(request["dataset"]["name"], Path(name)))
        seconds, trace, job = runs[_RUNS // 2]
        bars = _bars(ours.json("GET", f"/v1/log/traces/{trace}")["items"], job)
    taken = steps[-1].end
    drawn = (
        f"{machine.described()}\n\n{_gantt(f'POST /v1/trainings, answered after {1e3 * seconds:.0f} ms', bars)}\n"
        f"The task function, in a bare child of a rehearsed fork server:\n\n{_gantt(f'{taken:.0f} ms', steps)}"
    )
    print(drawn)
    if asked.write:
        before, _, rest = _PAGE.read_text().partition(_BEGIN)
        _PAGE.write_text(f"{before}{_BEGIN}\n{drawn}\n{_END}{rest.partition(_END)[2]}")


def _run(ours: Server, session: str) -> tuple[float, str, Mapping[str, Any]]:
    began = time.perf_counter()
    job = ours.json("POST", "/v1/trainings", json=small(session), headers=_WAIT)
    return time.perf_counter() - began, job["trace_id"], job


def _bars(logged: Sequence[Mapping[str, Any]], job: Mapping[str, Any]) -> list[Bar]:
    """What the log says of a training: calls have a duration, changes happen at a moment and end what led to them."""
    events = [entry.get("event", entry) for entry in logged]
    began = min(times.moment(event["time"]) for event in events)

    def at(event: Mapping[str, Any]) -> float:
        return (times.moment(event["time"]) - began).total_seconds() * 1e3

    bars, changes = [], dict[str, float]()
    for event in events:
        data = event["data"]
        kind = event["type"].removeprefix("autolearn.").removesuffix(".v1")
        if kind == "call.received":
            name = (
                "answered" if event["source"] == "training" else data["route"].rpartition("}")[2].lstrip(":") or "read"
            )
            bars.append(Bar(event["source"], name, at(event), at(event) + 1e3 * data["duration"]))
        elif not kind.startswith("call."):
            changes[kind] = at(event)
    child = 1e3 * job["result"]["usage"]["seconds"]
    ended = changes["training.succeeded"]
    bars += [
        Bar("training", "checked, sealed, reserved, queued", 0, changes["training.queued"]),
        Bar("training", "claimed", changes["training.queued"], changes["training.started"]),
        Bar("child", "child runs", ended - child, ended),
        Bar("session, after the answer", "record added", ended, changes["session.record_added"]),
    ]
    first: dict[str, float] = {}
    for bar in bars:
        first[bar.section] = min(bar.begin, first.get(bar.section, bar.begin))
    return sorted(bars, key=lambda bar: (first[bar.section], bar.section, bar.begin, -bar.end))


def _steps(request: Mapping[str, Any], dataset: Path) -> list[Bar]:
    """The steps of the task function as it tells them, in the median one of several children."""
    with alone("benchmarks.steps") as ask:
        _, runs = ask({"request": request, "dataset": str(dataset), "runs": _RUNS})
    runs.sort(key=lambda run: float(run[-1][1]))
    run = [(name, 1e3 * at) for name, at in runs[len(runs) // 2]]
    return [Bar("task", name, begin, end) for (name, begin), (_, end) in itertools.pairwise(run)]


def _gantt(title: str, bars: Sequence[Bar]) -> str:
    def lines() -> Iterator[str]:
        yield from ("```mermaid", "gantt", f"    title {title}", "    dateFormat x", "    axisFormat %L")
        section = None
        for bar in bars:
            if bar.section != section:
                section = bar.section
                yield f"    section {section}"
            yield f"    {bar.name} :{bar.begin:.0f}, {max(bar.end, bar.begin + 1):.0f}"
        yield "```\n"

    return "\n".join(lines())


if __name__ == "__main__":
    main()
