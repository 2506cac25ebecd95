"""`autolearn cluster up|status|down|file`: every role of every service as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

app = AsyncTyper(help="Start and stop every role as its own process.")

Folder = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the cluster; default: in the data folder.")]


@app.command()
def up(
    run: Invocation,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="Which processes, and how many.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Start all processes and return when they run. AUTOLEARN_* variables name the engines."""
    from cli.supervising import Cluster

    cluster = Cluster(folder)
    found = cluster.up(file)
    if run.json:
        return run.out.document({"folder": str(cluster.folder), "processes": [vars(one) for one in found]})
    door = next((one.url for one in found if one.name.startswith("gateway-rest")), None)
    run.out.line(f"{len(found)} processes run" + (f"; the door is {door}" if door else ""))
    return run.out.note(f"their logs are in {cluster.folder}; see also autolearn cluster status, and down")


@app.command()
def status(run: Invocation, folder: Folder = None) -> int:
    """List the processes; exit code 3 when no cluster runs, 1 when one of them does not."""
    from cli import failures
    from cli.supervising import Cluster

    cluster = Cluster(folder)
    found = cluster.processes()
    if run.json:
        run.out.document({"folder": str(cluster.folder), "processes": [vars(one) for one in found]})
    elif found:
        run.out.table(
            ["process", "state", "pid", "listens on", ""],
            [[one.name, one.state.lower(), one.pid, one.url, one.said] for one in found],
        )
    else:
        run.out.note(f"no cluster runs on {cluster.folder}")
    if not found:
        return failures.UNREACHABLE
    return 0 if all(one.state == "RUNNING" for one in found) else failures.UNEXPECTED


@app.command()
def down(
    run: Invocation,
    folder: Folder = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for them to finish.")] = 90.0,
) -> None:
    """Stop all processes: they take no more work, drain, and end."""
    from cli.supervising import Cluster

    cluster = Cluster(folder)
    stopped = cluster.down(timeout)
    if run.json:
        return run.out.document({"stopped": stopped})
    return run.out.note("stopped" if stopped else f"no cluster runs on {cluster.folder}")


@app.command()
def file(run: Invocation) -> None:
    """Print the file that says which processes there are, to be edited and given to `up --file`."""
    from cli.supervising import SHIPPED

    text = SHIPPED.read_text()
    if run.json:
        return run.out.document({"file": text})
    return run.out.line(text.rstrip())
