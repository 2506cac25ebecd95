"""The source tree as the rules see it: parsed modules and what each of them imports."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = (
    "catalog_service",
    "evaluation_service",
    "gateway_service",
    "session_service",
    "storage_service",
    "training_service",
)
PACKAGES = (*SERVICES, "autolearn", "cli", "common", "deploy", "docs", "embedded")


@dataclass(frozen=True)
class Import:
    """One imported name: `common.errors` for `from common import errors`, too."""

    name: str
    line: int
    for_types: bool = False
    """Whether only the type checker imports it."""

    def within(self, *packages: str) -> bool:
        """Whether it is one of these modules or packages, or lies below one."""
        return any(self.name == one or self.name.startswith(f"{one}.") for one in packages)

    @property
    def top(self) -> str:
        """The distribution's own package: `pandas` of `pandas.api.types`."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """A module by its dotted name; packages carry the name of their folder and `is_package`."""

    name: str
    source: str
    is_package: bool = False

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return ast.parse(self.source)

    @property
    def top(self) -> str:
        """The package at the root of the tree."""
        return self.name.partition(".")[0]

    def within(self, *packages: str) -> bool:
        """Whether it is one of these modules or packages, or lies below one."""
        return any(self.name == one or self.name.startswith(f"{one}.") for one in packages)

    def imports(self) -> Iterator[Import]:
        """Everything it imports anywhere, in functions and under TYPE_CHECKING too."""
        quiet = {id(inner) for node in ast.walk(self.tree) if _for_types(node) for inner in ast.walk(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, node.lineno, id(node) in quiet) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                # `from common import errors` may name a module or a thing in one: both readings are the longer name.
                names = (f"{node.module or ''}.{alias.name}" for alias in node.names)
                yield from (Import(name, node.lineno, id(node) in quiet) for name in names)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of the program (tests are free)."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            found.append(Module(".".join(parts[:-1] if is_package else parts), path.read_text(), is_package))
    return tuple(found)


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file that the repository keeps."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())
