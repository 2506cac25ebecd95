"""Typer with asynchronous commands, and with the options that every command has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from cli.invocation import Invocation, Options

F = TypeVar("F", bound=Callable[..., Any])
_PANEL = "Everywhere"
_OPTIONS: dict[str, Any] = {
    "url": Annotated[str | None, typer.Option(help="Address of the server.", rich_help_panel=_PANEL)],
    "profile": Annotated[str | None, typer.Option(help="Profile to use.", rich_help_panel=_PANEL)],
    "as_json": Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=_PANEL)],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No remarks on stderr.", rich_help_panel=_PANEL)],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="More remarks on stderr.", rich_help_panel=_PANEL)],
}
_DEFAULTS: dict[str, Any] = {
    "url": None,
    "profile": None,
    "as_json": False,
    "quiet": False,
    "verbose": False,
}


class AsyncTyper(typer.Typer):
    """Typer alone would never await an `async def` command, and would exit with 0.

    A command takes an `Invocation` first; what it returns is the exit code (None: 0).
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """Register a command, asynchronous or not."""
        register = super().command(name, **settings)

        def decorate(function: F) -> F:
            register(_with_options(function))
            return function

        return decorate


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as Typer shall see it: the invocation replaced by Typer's context, and the common options
    added."""

    def call(ctx: typer.Context, **values: Any) -> Any:
        options = Options(**{name: values.pop(name) for name in _OPTIONS})
        with Invocation(options.over(ctx.obj)) as run:
            outcome = function(run, **values)
            if inspect.iscoroutine(outcome):
                import asyncio

                return asyncio.run(outcome)
            return outcome

    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=annotation)
            for name, annotation in _OPTIONS.items()
        ),
    ]
    call.__name__, call.__doc__ = function.__name__, function.__doc__
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call
