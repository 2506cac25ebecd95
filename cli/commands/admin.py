"""`autolearn admin init`: what the distributed mode needs before its processes start."""

from __future__ import annotations

import subprocess
import sys

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

app = AsyncTyper(help="Prepare the engines of the distributed mode.")


@app.callback()
def group() -> None:
    """Prepare the engines of the distributed mode."""


@app.command()
def init(run: Invocation) -> int:
    """Make master key, collections, indexes, topics, queues and bucket where they are missing; safe to repeat.

    AUTOLEARN_* variables name the engines, and AUTOLEARN_MASTER_KEY the file of the key, which every machine needs.
    """
    from cli import failures

    done = subprocess.run([sys.executable, "-m", "embedded", "--init"], capture_output=True, text=True, check=False)
    if done.returncode:
        failures.say(done.stderr.strip().removeprefix("autolearn: "))
        return done.returncode
    lines = done.stdout.splitlines()
    if run.json:
        run.out.document({"ready": lines})
    else:
        for line in lines:
            run.out.line(line)
    return 0
