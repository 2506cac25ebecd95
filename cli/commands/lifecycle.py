"""`autolearn up`, `down` and `status`: the platform on this machine."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

app = AsyncTyper()

Data = Annotated[Path | None, typer.Option(metavar="DIR", help="Data folder; default: AUTOLEARN_DATA, else XDG.")]


@app.command()
def up(
    run: Invocation,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it is ready.")] = False,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Default 8470; 0: any free one.")] = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
) -> int:
    """Start the platform: all services, in one process. Ctrl-C or `autolearn down` stops it."""
    from cli import failures, server

    arguments = server.arguments(port, data, host)
    if not detach:
        # Replaced, not started: signals and the exit code are the server's own.
        sys.stdout.flush()
        os.execv(sys.executable, arguments)  # noqa: S606 - this interpreter with our own module, no shell
    try:
        started = server.start(arguments, data)
    except server.Ended as ended:
        failures.say(ended.words)
        return ended.code or failures.UNEXPECTED
    if run.json:
        run.out.document({"url": started.url, "pid": started.pid})
    else:
        run.out.line(f"AutoLearn listens on {started.url}")
        run.out.note(f"stop it with: autolearn down{f' --data {data}' if data else ''}")
    return 0


@app.command()
def down(
    run: Invocation,
    data: Data = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for it to finish.")] = 60.0,
) -> int:
    """Stop the platform: it takes no more work, drains, and ends."""
    from autolearn import finding
    from cli import server

    running = finding.running_server(data)
    stopped = running is not None and server.stop(running, timeout)
    if run.json:
        run.out.document({"stopped": stopped, "pid": running.pid if running and stopped else None})
    else:
        run.out.note("stopped" if stopped else f"nothing runs on {data or finding.data_folder()}")
    return 0


@app.command()
async def status(run: Invocation) -> int:
    """Say whether it runs, and where. Exit code 3 if it cannot be reached."""
    from autolearn import finding

    async with run.client() as client:
        # Both at once: an unreachable server is reported as soon as one of them knows.
        info, readiness = await asyncio.gather(client.info(), client.readiness())
    running = finding.running_server()
    said = {
        "url": client.url,
        "ready": readiness.ready,
        "degraded": readiness.degraded,
        "version": info.version,
        "mode": info.mode,
        "services": info.services,
        "pid": running.pid if running and running.url == client.url else None,
    }
    if run.json:
        run.out.document(said)
    else:
        run.out.fields(said)
    return 0
