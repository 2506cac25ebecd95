"""`autolearn admin`: back up and restore; what the distributed mode needs before its processes start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

app = AsyncTyper(help="Back up and restore; prepare the engines of the distributed mode.")


@app.callback()
def group() -> None:
    """Back up and restore; prepare the engines of the distributed mode."""


@app.command()
async def backup(
    run: Invocation,
    to: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A new file, or a folder that gets one.")],
) -> None:
    """Save everything the running platform knows as one tar archive, while work goes on.

    The master key is not in it: keep a copy of it elsewhere, a restore asks for it.
    """
    from cli.render import text

    async with run.client() as client:
        path = await client.admin.backup(to)
    size = path.stat().st_size
    if run.json:
        return run.out.document({"path": str(path), "bytes": size})
    run.out.line(f"{path}  {text(size)} bytes")
    run.out.note("the master key is not in it: keep a copy of master.key elsewhere, `admin restore` asks for it")


@app.command()
def restore(
    run: Invocation,
    backup: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `admin backup` made.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="The master.key that was in use when it was made.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Empty or new folder; default: AUTOLEARN_DATA, else XDG.")
    ] = None,
) -> int:
    """Restore a backup into an empty folder, from which `autolearn up --data DIR` then starts.

    The whole file is checked first; a damaged one is refused and nothing is written.
    """
    told = ["--restore", str(backup), "--key", str(key), *(["--data", str(data)] if data else [])]
    code, lines = _embedded(*told)
    if code:
        return code
    said = json.loads(lines[-1])
    if run.json:
        run.out.document(said)
    else:
        run.out.line(f"{said['files']} files restored to {said['data']}, as they were on {said['created']}")
        run.out.note("start it with `autolearn up --data DIR`, then `autolearn log verify` proves it whole")
    return 0


@app.command()
def init(run: Invocation) -> int:
    """Make master key, collections, indexes, topics, queues and bucket where they are missing; safe to repeat.

    AUTOLEARN_* variables name the engines, and AUTOLEARN_MASTER_KEY the file of the key, which every machine needs.
    """
    code, lines = _embedded("--init")
    if code:
        return code
    if run.json:
        run.out.document({"ready": lines})
    else:
        for line in lines:
            run.out.line(line)
    return 0


def _embedded(*words: str) -> tuple[int, list[str]]:
    """The exit code of the platform's program, which says why on stderr if it is not 0, and its lines."""
    from cli import failures

    command = [sys.executable, "-m", "embedded", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode:
        failures.say(done.stderr.strip().removeprefix("autolearn: "))
    return done.returncode, done.stdout.splitlines()
