"""`autolearn session`: where results wait until they are committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from common.contracts.sessions import Session

app = AsyncTyper(help="Open a session, compare its results, commit or discard them.")

Which = Annotated[
    str | None,
    typer.Option(
        "--session",
        "-s",
        metavar="REF",
        help="The session; default: AUTOLEARN_SESSION, or the one in use.",
        autocompletion=completing.sessions,
    ),
]
_SHOWN = 8

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Everything = Annotated[bool, typer.Option("--all", help="Parameters and digests too.")]


@app.command("open")
async def open_(
    run: Invocation,
    name: Annotated[str | None, typer.Argument(help="A name for people.")] = None,
    note: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    expires_in: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Such as 12h or 30d after its last use.")
    ] = None,
) -> None:
    """Open a session, and use it from now on."""
    from cli import current, values

    seconds = values.duration(expires_in) if expires_in else None
    async with run.client() as client:
        session = await client.sessions.open(name, note=note, expires_in=seconds)
    current.remember(run, session.id)
    _show(run, session)


@app.command("list")
async def list_(
    run: Invocation,
    filter: Annotated[str | None, typer.Option(help="Such as: state = open.")] = None,
    sort: Annotated[str | None, typer.Option(help="Field to sort by; -field: descending.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 50,
) -> None:
    """List sessions; the one in use is marked."""
    from cli import current
    from cli.render import short, when

    async with run.client() as client:
        sessions = await client.sessions.list(filter=filter, sort=sort, limit=limit).all()
    if run.json:
        return run.out.document({"items": sessions})
    used = current.told(run, None)
    run.out.table(
        ["id", "name", "state", "records", "open jobs", "used", "expires", "current"],
        [
            [
                short(s.id),
                s.name,
                str(s.state),
                s.records,
                len(s.open_jobs),
                when(s.used),
                when(s.expires),
                "in use" if s.id == used else "",
            ]
            for s in sessions
        ],
    )


@app.command()
async def show(
    run: Invocation,
    ref: Annotated[
        str | None, typer.Argument(metavar="REF", help="The session.", autocompletion=completing.sessions)
    ] = None,
    session: Which = None,
) -> None:
    """Show a session and the records it holds."""
    from cli.render import short, when

    which = _which(run, ref or session)
    async with run.client() as client:
        found = await client.sessions.show(which)
        records = [] if found.state.closed else await client.sessions.records(found.id).all()
    if run.json:
        return run.out.document({**found.model_dump(mode="json"), "held": records})
    _show(run, found)
    if records:
        run.out.line("")
        run.out.table(
            ["job", "kind", "state", "dataset", "algorithm", "ended"],
            [
                [
                    short(r.job),
                    r.kind,
                    r.state,
                    r.summary.get("dataset") or short(r.dataset),
                    r.algorithm,
                    when(r.ended),
                ]
                for r in records
            ],
        )


@app.command()
async def use(
    run: Invocation,
    ref: Annotated[
        str | None, typer.Argument(metavar="REF", help="The session.", autocompletion=completing.sessions)
    ] = None,
    session: Which = None,
) -> None:
    """Use a session from now on."""
    from cli import current

    told = ref or session
    if not told:
        raise typer.BadParameter("say which session to use")
    async with run.client() as client:
        found = await client.sessions.show(told)
    current.remember(run, found.id)
    _show(run, found)


@app.command()
async def compare(
    run: Invocation,
    session: Which = None,
    everything: Everything = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw measures and hyper-parameters too.")] = False,
    pictures: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Draw them: FILE.svg or FILE.png.")
    ] = None,
) -> None:
    """Put the session's records side by side."""
    from cli import outcome, values

    values.picture(pictures)
    which = _which(run, session)
    async with run.client() as client:
        found = await client.sessions.compare(which)
    outcome.compared(run, found, everything=everything, plot=plot, pictures=pictures)


@app.command()
async def drop(
    run: Invocation,
    jobs: Annotated[
        list[str], typer.Argument(metavar="JOB", help="Jobs whose records to remove.", autocompletion=completing.jobs)
    ],
    session: Which = None,
    yes: Yes = False,
) -> None:
    """Remove records; a training takes its evaluations along."""
    which = _which(run, session)
    what = f"{len(jobs)} record{'s' if len(jobs) > 1 else ''}, with the evaluations of trainings,"
    run.confirm(f"Remove {what} from the session for ever?", yes)
    async with run.client() as client:
        for job in jobs:
            await client.sessions.drop(which, job)
        found = await client.sessions.show(which)
    _show(run, found)


@app.command()
async def commit(
    run: Invocation,
    jobs: Annotated[
        list[str] | None,
        typer.Argument(metavar="JOB", help="Only these; default: all that succeeded.", autocompletion=completing.jobs),
    ] = None,
    session: Which = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for the experiments; repeatable.")] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait.")] = 300.0,
) -> None:
    """Store the succeeded records as experiments, for good. Without JOB this ends the session."""
    from cli import current

    which = _which(run, session)
    async with run.client() as client:
        found = await client.sessions.commit(which, jobs or None, tags=tag or (), timeout=timeout)
    if found.state.closed:
        current.forget(run, found.id)
    if run.json:
        return run.out.document(found)
    _show(run, found)


@app.command()
async def discard(run: Invocation, session: Which = None, yes: Yes = False) -> None:
    """Cancel its open jobs and erase what it holds."""
    from cli import current

    which = _which(run, session)
    run.confirm(f"Erase session {which} and everything in it for ever?", yes)
    async with run.client() as client:
        found = await client.sessions.discard(which)
    current.forget(run, found.id)
    _show(run, found)


@app.command()
async def keep(
    run: Invocation,
    duration: Annotated[str, typer.Option("--for", metavar="DURATION", help="Such as 12h or 30d, from now.")],
    session: Which = None,
) -> None:
    """Let the session expire later."""
    from cli import values

    seconds = values.duration(duration)
    which = _which(run, session)
    async with run.client() as client:
        found = await client.sessions.keep(which, seconds)
    _show(run, found)


def _which(run: Invocation, told: str | None) -> str:
    from cli import current

    which = current.told(run, told)
    if which is None:
        raise typer.BadParameter("no session is in use; say --session, or open one with `autolearn session open`")
    return which


def _show(run: Invocation, session: Session) -> None:
    from cli.render import when

    if run.json:
        return run.out.document(session)
    run.out.fields(
        {
            "session": session.name,
            "id": session.id,
            "state": str(session.state),
            "note": session.note,
            "records": session.records,
            "open jobs": _endings(session.open_jobs),
            "experiments": _endings(session.experiments),
            "expires": None if session.state.closed else when(session.expires),
            "problem": (session.problem or {}).get("detail"),
        }
    )


def _endings(ids: Sequence[str]) -> list[str]:
    """What lists show of ids; of many the first, and how many there are more."""
    from cli.render import short

    shown = [short(each) or "" for each in ids[:_SHOWN]]
    return [*shown, f"and {len(ids) - _SHOWN} more"] if len(ids) > _SHOWN else shown
