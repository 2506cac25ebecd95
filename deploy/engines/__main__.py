"""`python -m deploy.engines up|down|status|env [ENGINE…]`: real engines on this machine, for tests and trials.

`env` prints the settings that let `autolearn up` use those that run, passwords included, for a shell to read.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from deploy.engines.engine import Engine, EngineError
from deploy.engines.kafka import Kafka
from deploy.engines.mongo import Mongo
from deploy.engines.rabbitmq import RabbitMQ
from deploy.engines.s3 import S3

ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (RabbitMQ, Kafka, Mongo, S3)}


def main() -> int:
    """Do it; 1 if an engine cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m deploy.engines", description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "status", "env"])
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"of {', '.join(ENGINES)}; default: all")
    told = parser.parse_args()
    if unknown := set(told.engines) - set(ENGINES):
        parser.error(f"no such engine: {', '.join(sorted(unknown))}; there are {', '.join(ENGINES)}")
    failed = 0
    for name in told.engines or ENGINES:
        engine = ENGINES[name]()
        try:
            said = _do(engine, told.verb)
        except EngineError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = 1
        else:
            if said:
                print(said, flush=True)
    return failed


def _do(engine: Engine, verb: str) -> str:
    if verb == "up":
        engine.up()
        return f"{engine.name} runs, its log is {engine.folder / 'output.log'}"
    if verb == "down":
        return f"{engine.name} {'stopped' if engine.down() else 'was not running'}"
    there = engine.running()
    if verb == "status":
        return f"{engine.name} {'runs' if there else 'does not run'}"
    return f"export {engine.setting}={shlex.quote(there['url'])}" if there else ""


if __name__ == "__main__":
    raise SystemExit(main())
