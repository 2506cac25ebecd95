"""`autolearn log`: every call and every change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from common.contracts.log import LoggedEvent

app = AsyncTyper(help="Every call and every change; verify and rebuild from it.")

Service = Annotated[str | None, typer.Option(help="Only of this service.")]
Peer = Annotated[str | None, typer.Option(help="Only calls with this other side.")]
Actor = Annotated[str | None, typer.Option(help="Only by this actor.")]
Kind = Annotated[str | None, typer.Option(help="call or state.")]
Route = Annotated[str | None, typer.Option(help="Only calls of this route.")]
Result = Annotated[str | None, typer.Option("--outcome", help="Only calls with this outcome.")]
Session = Annotated[str | None, typer.Option(metavar="ID", help="Only of this session.")]
Record = Annotated[str | None, typer.Option(metavar="ID", help="Only of this record.")]
HEADS = ["time", "service", "peer", "what", "subject", "outcome"]


@app.command()
async def show(
    run: Invocation,
    service: Service = None,
    peer: Peer = None,
    actor: Actor = None,
    kind: Kind = None,
    route: Route = None,
    outcome: Result = None,
    session: Session = None,
    record: Record = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339, or ago: 15m, 2h, 7d.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339, or ago: 15m, 2h, 7d.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many; the newest.")] = 50,
    order: Annotated[str, typer.Option(help="asc or desc; how to print them.")] = "asc",
) -> None:
    """Print the newest events, oldest of them first."""
    async with run.client() as client:
        events = await client.log.events(
            order="desc",
            limit=limit,
            service=service,
            peer=peer,
            actor=actor,
            kind=kind,
            route=route,
            outcome=outcome,
            session=session,
            record=record,
            since=_moment(since),
            until=_moment(until),
        ).all()
    if order == "asc":
        events.reverse()
    if run.json:
        return run.out.document({"items": events})
    run.out.table(HEADS, [_row(event) for event in events])


@app.command()
async def tail(
    run: Invocation,
    service: Service = None,
    peer: Peer = None,
    actor: Actor = None,
    kind: Kind = None,
    route: Route = None,
    outcome: Result = None,
    session: Session = None,
    record: Record = None,
    after: Annotated[int | None, typer.Option(help="Begin after this arrival number; default: now.")] = None,
) -> None:
    """Print events as they arrive; with --json one a line."""
    from cli.render import text

    async with run.client() as client:
        async for event in client.log.stream(
            after=after,
            service=service,
            peer=peer,
            actor=actor,
            kind=kind,
            route=route,
            outcome=outcome,
            session=session,
            record=record,
        ):
            if run.json:
                run.out.ndjson(event)
            else:
                run.out.line("  ".join(text(cell) for cell in _row(event)))


@app.command()
async def trace(
    run: Invocation,
    of: Annotated[str, typer.Argument(metavar="TRACE|RECORD", help="A trace id, or the id of a record.")],
) -> None:
    """Print everything of one trace: calls and changes through all services, in order."""
    async with run.client() as client:
        events = await client.log.trace(of)
    if run.json:
        return run.out.document({"items": events})
    run.out.table(HEADS, [_row(event) for event in events])


@app.command()
async def verify(run: Invocation) -> int:
    """Compare every stored record with the fold of its events."""
    async with run.client() as client:
        found = await client.log.verify()
    if run.json:
        run.out.document(found)
    else:
        run.out.table(
            ["service", "records", "events", "flaws", "digest"],
            [[s.service, s.records, s.events, len(s.flaws), s.digest] for s in found.services],
        )
        for service in found.services:
            for flaw in service.flaws:
                run.out.line(_flaw(service.service, flaw))
        run.out.line(
            f"{'ok' if found.ok else 'NOT ok'}: {found.records} records, {found.events} events, {found.seconds:.2f} s"
        )
    return 0 if found.ok else 1


@app.command()
async def rebuild(
    run: Invocation,
    into: Annotated[str, typer.Option(metavar="NAME", help="Name of the new, empty store.")],
) -> int:
    """Build every read model anew from the log, and compare digests."""
    from cli import failures
    from cli.render import text

    async with run.client() as client:
        found = await client.log.rebuild(into)
    if run.json:
        run.out.document(found)
    else:
        names = list(dict.fromkeys(name for service in found.services for name in service))
        if names:
            run.out.table(names, [[service.get(name) for name in names] for service in found.services])
        run.out.line(f"{found.into}: {'equal' if found.ok else 'NOT equal'} to what is stored ({found.state})")
    if found.problem:
        failures.say(text(found.problem.get("detail")))
    return 0 if found.ok else 1


def _row(logged: LoggedEvent) -> list[Any]:
    from cli.render import short

    event = logged.event
    data = event.get("data")
    call: dict[str, Any] = data if isinstance(data, dict) else {}
    name = str(event.get("type", "")).removeprefix("autolearn.").rpartition(".v")[0]
    if name.startswith("call."):
        what = f"{name.removeprefix('call.')} {call.get('method') or ''} {call.get('route') or ''}"
        peer = call.get("destination") if name == "call.sent" else call.get("source")
    else:
        what, peer = name, None
    outcome = " ".join(str(call[name]) for name in ("outcome", "status") if call.get(name))
    return [
        str(event.get("time", "")).replace("T", " "),
        str(event.get("source", "")).rpartition("/")[2] or event.get("source"),
        peer,
        " ".join(what.split()),
        short(event.get("subject")),
        outcome,
    ]


def _flaw(service: str, flaw: dict[str, Any]) -> str:
    from cli.render import text

    return f"{service}: {text(flaw)}"


def _moment(told: str | None) -> str | None:
    """An RFC 3339 time as it is, a duration as the time that long ago."""
    from cli import values
    from common import times

    if told is None or not told[:1].isdigit() or "-" in told:
        return told
    return times.later(times.now(), -values.duration(told))
