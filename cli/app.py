"""The root command: which nouns there are, and where their modules live.

Help for the root must not cost the import of every command (`autolearn --help` is what people judge speed
by), so the root knows one line about each command and loads a module when its command is used.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cli.invocation import Options

SERVER, DATA, LEARNING, RESULTS = "Server", "Data and catalogue", "Learning", "Results"


@dataclass(frozen=True)
class Entry:
    """A command of the root: the module of its `app`, its line of help, and its panel."""

    module: str
    help: str
    panel: str


ENTRIES = {
    "up": Entry("lifecycle", "Start the platform on this machine.", SERVER),
    "down": Entry("lifecycle", "Stop it.", SERVER),
    "status": Entry("lifecycle", "Say whether it runs, and where.", SERVER),
    "doctor": Entry("diagnosis", "Check this installation and the server.", SERVER),
    "version": Entry("diagnosis", "Print the versions of client and server.", SERVER),
    "token": Entry("diagnosis", "Print the access token.", SERVER),
    "admin": Entry("admin", "Back up and restore; prepare the engines of the distributed mode.", SERVER),
    "cluster": Entry("cluster", "Start and stop every role as its own process.", SERVER),
    "datasets": Entry("datasets", "Upload tables and look at them.", DATA),
    "algorithms": Entry("catalogue", "What can be trained, with its parameters.", DATA),
    "measures": Entry("catalogue", "What can be measured.", DATA),
    "session": Entry("session", "Open a session, compare its results, commit or discard them.", LEARNING),
    "train": Entry("train", "Train algorithms on a dataset.", LEARNING),
    "evaluate": Entry("evaluate", "Measure trained models.", LEARNING),
    "jobs": Entry("jobs", "Watch trainings, evaluations and searches, cancel them, read their output.", LEARNING),
    "experiments": Entry("experiments", "What was committed: find, compare, tag, export.", RESULTS),
    "log": Entry("log", "Every call and every change; verify and rebuild from it.", RESULTS),
}


class Commands(TyperGroup):
    """The root group: placeholders for help and completion, the real command once it is resolved."""

    def __init__(self, **attributes: Any) -> None:
        attributes["commands"] = {
            name: TyperCommand(name, callback=None, help=entry.help, rich_help_panel=entry.panel)
            for name, entry in ENTRIES.items()
        }
        super().__init__(**attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command and load its module."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest


def load(name: str) -> Any:
    """The complete command of that name: its module's group, or the member of the group that is called so."""
    module = importlib.import_module(f"cli.commands.{ENTRIES[name].module}")
    group = get_command(module.app)
    return getattr(group, "commands", {}).get(name, group)


def root() -> Any:
    """The whole command line."""
    app = typer.Typer(
        cls=Commands,
        name="autolearn",
        help="AutoLearn: train, measure and keep models, with a complete history.",
        epilog="Exit codes: 0 done, 1 unexpected, 2 usage, 3 server unreachable, 4 not found, 5 refused, "
        "6 job failed or cancelled, 7 requirement not met, 124 waited too long, 130 interrupted.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_before)
    return get_command(app)


def _before(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Option(help="Address of the server.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of profiles.toml to use.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No remarks on stderr.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="More remarks on stderr.")] = False,
) -> None:
    ctx.obj = Options(url, profile, as_json, quiet, verbose)
