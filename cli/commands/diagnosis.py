"""`autolearn doctor`, `version` and `token`."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

app = AsyncTyper()


@app.command()
async def doctor(run: Invocation) -> int:
    """Check this installation and the server; exit code 1 if something is wrong."""
    from cli import checks

    found = await checks.all_checks(run)
    if run.json:
        run.out.document({"ok": all(check.ok for check in found), "checks": [vars(check) for check in found]})
    else:
        run.out.table(
            ["check", "", "found"],
            [[check.name, "ok" if check.ok else "WRONG", check.found] for check in found],
        )
    return 0 if all(check.ok for check in found) else 1


@app.command()
async def version(
    run: Invocation,
    local: Annotated[bool, typer.Option("--local", help="Do not ask the server.")] = False,
) -> None:
    """Print the versions of client and server."""
    from cli import checks
    from common import errors

    said: dict[str, str | None] = {"client": checks.installed("autolearn"), "server": None}
    if not local:
        async with run.client() as client:
            with contextlib.suppress(errors.AutoLearnError):
                said["server"] = (await client.info()).version
    if run.json:
        return run.out.document(said)
    run.out.line(f"autolearn {said['client']}" + (f" (server {said['server']})" if said["server"] else ""))


@app.command()
def token(run: Invocation) -> None:
    """Print the access token."""
    from common import errors

    place = run.place()
    if place.token:
        if run.json:
            return run.out.document({"token": place.token})
        return run.out.line(place.token)
    if place.url.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]")):
        if run.json:
            return run.out.document({"token": None})
        return run.out.note("no token is needed on this machine")
    raise errors.NotFound(f"there is no token for {place.url}; set AUTOLEARN_TOKEN, or `token` in its profile")
