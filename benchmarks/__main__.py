"""`python -m benchmarks [NAME …] [--quick] [--write]`: measures figures against their floors and prints the table."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from benchmarks import (
    beside,
    calls,
    cluster,
    events,
    experiments,
    footprint,
    large,
    load,
    log,
    machine,
    records,
    report,
    searching,
    starting,
    tabular,
    training,
)
from benchmarks.figure import FULL, QUICK, Figure, Measure

FIGURES: dict[str, Measure] = {
    "small": training.one_small,
    "many": training.many_small,
    "forest": training.forest,
    "grid": searching.grid,
    "all": large.every_algorithm,
    "boosting": large.boosting,
    "upload": tabular.upload,
    "profile": tabular.profile,
    "gigabyte": tabular.gigabyte,
    "calls": calls.reads,
    "footprint": footprint.memory_and_idling,
    "experiments": experiments.pages,
    "ready": starting.ready,
    "help": starting.help_text,
    "log": log.verification_and_rebuild,
    "mongo": records.mongo,
    "kafka": events.kafka,
    "beside": beside.reads,
    "load": load.under_load,
    "cluster": cluster.distributed,
}
_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    """Measure; the exit code is 0 also where a promise is missed (figures are read, not asserted), 1 for no figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*FIGURES, []], metavar="NAME", help=" ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="few repetitions, small amounts")
    parser.add_argument("--write", action="store_true", help=f"write docs/{_PAGE.name}")
    asked = parser.parse_args()
    figures: list[Figure] = []
    failed = 0
    about = machine.described()
    for name in asked.names or FIGURES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            figures += FIGURES[name](QUICK if asked.quick else FULL)
        except Exception as error:  # of one measurement: the others are worth their minutes
            traceback.print_exc()
            failed = 1
            figures.append(Figure(name, "", "", f"not measured: {type(error).__name__}", "", False))
        print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
        print(report.table(figures[-1:]), file=sys.stderr, flush=True)
    print(about)
    print()
    print(report.table(figures), end="")
    if asked.write:
        _PAGE.write_text(report.page(figures, about, quick=asked.quick))
    return failed


if __name__ == "__main__":
    sys.exit(main())
