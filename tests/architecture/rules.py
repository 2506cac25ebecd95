"""The rules of architecture.md §1 and of the house: each gives what a module does against it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping

from tests.architecture.source import SERVICES, Import, Module

Rule = Callable[[Module], Iterator[str]]
RULES: dict[str, Rule] = {}

DRIVERS: Mapping[str, str] = {
    "aio_pika": "common.adapters.message_bus.rabbitmq",
    "aiokafka": "common.adapters.event_log.kafka",
    "apsw": "common.adapters.sqlite_connection",
    "motor": "common.adapters.mongo_connection",
    "pymongo": "common.adapters.mongo_connection",
    "obstore": "common.adapters.blob_store.s3",
    "resvg_py": "autolearn.sheet",
}
"""The one file in which a driver may be imported."""
LEARNING = ("pandas", "pyarrow", "scipy", "sklearn", "skops")
MODELS = ("common.jobs.model", *(f"{service}.model" for service in SERVICES))
NEVER = ("cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "sqlite3", "telnetlib")
FOR_CLIENTS = ("contracts", "errors", "settings", "ids", "filtering", "times")
SHOWN = ("autolearn", "autolearn.aio")
"""The packages whose `__init__.py` is an interface: `autolearn.connect`, `autolearn.aio.connect`."""
LINES = 500


def rule(function: Rule) -> Rule:
    """Enter a rule under its name."""
    RULES[function.__name__] = function
    return function


@rule
def contracts_stand_alone(module: Module) -> Iterator[str]:
    """What crosses a border imports the standard library, pydantic, other contracts and errors."""
    if module.within("common.contracts"):
        yield from _only(module, "pydantic", "common.contracts", "common.errors")


@rule
def models_stand_alone(module: Module) -> Iterator[str]:
    """A model is pure: contracts, errors, the table of a lifecycle, and other models."""
    if module.name in MODELS:
        yield from _only(module, "common.contracts", "common.errors", "common.ids", "common.records.lifecycle", *MODELS)


@rule
def adapters_are_chosen_in_the_runtime(module: Module) -> Iterator[str]:
    """Everybody else sees ports."""
    if not module.within("common.runtime", "common.adapters"):
        yield from _never(module, "common.adapters")


@rule
def ports_stand_alone(module: Module) -> Iterator[str]:
    """A port knows no technology and nobody who uses it."""
    if module.within("common.ports"):
        yield from _only(module, "common.ports", "common.contracts", "common.errors", "common.filtering")


@rule
def services_do_not_know_each_other(module: Module) -> Iterator[str]:
    """They speak by REST and bells."""
    if module.top in SERVICES:
        yield from _never(module, *(one for one in SERVICES if one != module.top), "embedded", "cli", "autolearn")


@rule
def common_knows_no_service(module: Module) -> Iterator[str]:
    """What two programs need is nobody's business in particular."""
    if module.top == "common" and not module.within("common.workers"):
        yield from _never(module, *SERVICES, "embedded", "cli", "autolearn")


@rule
def bootstraps_are_for_the_platform(module: Module) -> Iterator[str]:
    """Only what runs services builds them."""
    if not module.within("embedded", "common.workers"):
        yield from _never(module, *(f"{service}.bootstrap" for service in SERVICES))


@rule
def the_client_is_alone(module: Module) -> Iterator[str]:
    """`autolearn` needs what crosses the border, the trace it begins, httpx, pandas for frames and resvg for PNG."""
    if module.top == "autolearn":
        common = (f"common.{name}" for name in ("context", *FOR_CLIENTS))
        own = {"autolearn.frames": ("pandas",), "autolearn.sheet": ("resvg_py",)}.get(module.name, ())
        yield from _only(module, "autolearn", "httpx", "pydantic", *common, *own)


@rule
def the_command_line_is_a_client(module: Module) -> Iterator[str]:
    """`cli` sees the client and what crosses the border; it starts the platform as a process."""
    if module.top == "cli":
        for one in module.imports():
            if one.top in ("embedded", *SERVICES) or (
                one.top == "common" and not one.within(*(f"common.{name}" for name in FOR_CLIENTS))
            ):
                yield _said(module, one, "is not for the command line")


@rule
def learning_libraries_stay_in_children(module: Module) -> Iterator[str]:
    """scikit-learn and its kin are for `common/learning`, tasks, and pandas for the client's frames."""
    if module.within("common.learning") or ".tasks" in module.name:
        return
    for one in module.imports():
        if one.top in LEARNING and not (one.for_types or (module.name == "autolearn.frames" and one.top == "pandas")):
            yield _said(module, one, "belongs into common/learning or tasks")


@rule
def a_driver_has_one_file(module: Module) -> Iterator[str]:
    """So that another driver is one change."""
    for one in module.imports():
        home = DRIVERS.get(one.top)
        if home and module.name != home:
            yield _said(module, one, f"is imported in {home} only")


@rule
def handlers_are_plain(module: Module) -> Iterator[str]:
    """Use cases and repositories know neither framework nor process."""
    if module.top in SERVICES and module.name.split(".")[-1] in ("handlers", "repository", "model"):
        yield from _never(module, "fastapi", "starlette", "uvicorn", "httpx", "multiprocessing")


@rule
def nothing_is_unpickled(module: Module) -> Iterator[str]:
    """No import of a module that runs what it reads, and no evaluation of text."""
    for one in module.imports():
        if one.top in NEVER:
            yield _said(module, one, "is forbidden")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
            yield f"{module.name}:{node.lineno}: {node.func.id}() runs text as code"


@rule
def no_error_is_swallowed(module: Module) -> Iterator[str]:
    """A bare `except`, or a broad one that does nothing, hides what nobody thought of."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id.endswith("Exception"))
            silent = all(isinstance(each, ast.Pass) for each in node.body)
            if node.type is None or (broad and silent):
                yield f"{module.name}:{node.lineno}: swallows every error"


@rule
def packages_only_say_what_they_are(module: Module) -> Iterator[str]:
    """`__init__.py` is one docstring; only the Python client shows names there."""
    if module.is_package and module.name not in SHOWN:
        if ast.get_docstring(module.tree) is None:
            yield f"{module.name}: __init__.py has no docstring"
        if len(module.tree.body) > 1:
            yield f"{module.name}:{module.tree.body[1].lineno}: __init__.py does more than say what the package is"


@rule
def importing_does_nothing(module: Module) -> Iterator[str]:
    """No statement of a module calls something for its effect when it is imported."""
    for node in module.tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
            yield f"{module.name}:{node.lineno}: works at import"


@rule
def modules_are_short_nouns(module: Module) -> Iterator[str]:
    """No catch-all, nothing that is too long to read."""
    if module.name.split(".")[-1] in ("utils", "util", "helpers", "misc"):
        yield f"{module.name}: is no noun that says what is in it"
    lines = module.source.count("\n")
    if lines > LINES:
        yield f"{module.name}: has {lines} lines, {LINES} are the most"


@rule
def modules_say_what_they_are(module: Module) -> Iterator[str]:
    """The first thing to read in a module is what it is for."""
    if ast.get_docstring(module.tree) is None:
        yield f"{module.name}: has no docstring"


def _only(module: Module, *allowed: str) -> Iterator[str]:
    for one in module.imports():
        if one.top not in sys.stdlib_module_names and not one.for_types and not one.within(*allowed):
            yield _said(module, one, "is not for it")


def _never(module: Module, *forbidden: str) -> Iterator[str]:
    for one in module.imports():
        if one.within(*forbidden):
            yield _said(module, one, "is not for it")


def _said(module: Module, one: Import, why: str) -> str:
    return f"{module.name}:{one.line}: {one.name} {why}"
