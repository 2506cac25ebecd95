"""Figure 7: from start to ready, and `--help` against a one-command program on the same library."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import Latency, in_turn, spread
from benchmarks.server import server

_ONE_COMMAND = '''"""The smallest program on Typer."""
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "you") -> None:
    """Say hello."""
    typer.echo(f"hello {name}")


app()
'''
_BARE_SERVER = """
import asyncio, uvicorn
from fastapi import FastAPI
app = FastAPI()

@app.get("/readyz")
def ready() -> dict[str, bool]:
    return {"ready": True}

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.should_exit = True

asyncio.run(Server(uvicorn.Config(app, port=0, log_level="error")).serve())
"""


def _run(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def ready(scale: Scale) -> Sequence[Figure]:
    """Start → ready on existing data, and beside it the start of a bare FastAPI and uvicorn."""
    with tempfile.TemporaryDirectory(prefix="autolearn-bench-") as name:
        folder = Path(name)
        with server(folder=folder) as first:
            first.settle()

        def platform() -> float:
            with server(folder=folder) as running:
                return running.ready_after

        bare = functools.partial(_run, [sys.executable, "-c", _BARE_SERVER])
        taken = in_turn(platform, bare, rounds=scale.rounds, warmup=0)
    floor = f"bare FastAPI {spread(taken.floor, 's')}"
    return [at_most("7 start to ready", spread(taken.ours, "s"), floor, taken.ours, 2.5, unit="s")]


def help_text(scale: Scale) -> Sequence[Figure]:
    """`autolearn --help`."""
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "hello.py"
        program.write_text(_ONE_COMMAND)
        taken = in_turn(
            functools.partial(_run, [sys.executable, "-m", "cli", "--help"]),
            functools.partial(_run, [sys.executable, str(program), "--help"]),
            rounds=scale.rounds,
            each=scale.repetitions // 3 or 1,
        )
    figures = (str(Latency(taken.ours)), str(Latency(taken.floor)))
    return [at_most("7 `autolearn --help` against a one-command Typer program", *figures, taken.ratios(), 1.25)]
