"""One run of one command: the common options, the way to the server, and where output goes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from autolearn.finding import Place
    from cli.render import Output


@dataclass(frozen=True)
class Options:
    """The options that every command has."""

    url: str | None = None
    profile: str | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    def over(self, outer: Options | None) -> Options:
        """These options, and where they say nothing, those given before the command's name."""
        if outer is None:
            return self
        return Options(
            self.url or outer.url,
            self.profile or outer.profile,
            self.as_json or outer.as_json,
            self.quiet or outer.quiet,
            self.verbose or outer.verbose,
        )


class Invocation:
    """What a command gets as its first argument."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Flushed here, a closed pipe shows while Typer can still deal with it, not at the interpreter's end.
        if error is None:
            sys.stdout.flush()

    @property
    def json(self) -> bool:
        """Whether stdout gets JSON and nothing else."""
        return self.options.as_json

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer questions."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def out(self) -> Output:
        """Where output goes."""
        from cli.render import Output

        return Output(self.options.as_json, self.options.quiet, self.options.verbose)

    def place(self) -> Place:
        """Where the server is; a profile that is not there is a usage error."""
        from autolearn import finding
        from common import errors

        try:
            return finding.find(self.options.url, None, self.options.profile)
        except errors.BadRequest as error:
            raise typer.BadParameter(error.detail) from error

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """The client of the server, for the `async with` block."""
        from autolearn.aio.client import Client

        place = self.place()
        if self.options.verbose:
            self.out.note(f"server: {place.url} (from {place.found_by})")
        async with Client(place, remark=self.out.note) as client:
            yield client

    def confirm(self, question: str, yes: bool) -> None:
        """Ask before something is destroyed; where nobody can answer, `--yes` must have been given."""
        if yes:
            return
        if not self.interactive:
            raise typer.BadParameter(f"{question} Nobody can be asked here; say --yes")
        from cli import failures, prompting

        if not prompting.agreed(question):
            failures.say("nothing was done")
            raise typer.Exit(failures.REFUSED)
