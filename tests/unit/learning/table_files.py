"""Files for the tests of tables: CSV texts in, what the tasks give out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog_service.tasks import parse

DATA = Path(__file__).parents[2] / "data"


@dataclass
class Folder:
    """`TaskFiles` over a folder: every name, input or output, is a file in it; `steps` is what was told."""

    path: Path
    steps: list[tuple[str, float | None]] = field(default_factory=list)

    def input(self, name: str) -> Path:
        return self.path / name

    def output_path(self, name: str) -> Path:
        return self.path / name

    def progress(self, step: str, fraction: float | None = None, message: str = "") -> None:
        self.steps.append((step, fraction))


def parsed(folder: Path, content: str | bytes | Path, **request: Any) -> dict[str, Any]:
    """The result of reading a file with this content; the table is `folder/table`."""
    if isinstance(content, Path):
        content = content.read_bytes()
    (folder / "upload").write_bytes(content.encode() if isinstance(content, str) else content)
    return parse.run(request, Folder(folder))  # type: ignore[arg-type]  # the sealed half is not used


def kinds(result: Mapping[str, Any]) -> dict[str, str]:
    """Column types by name."""
    return {column["name"]: column["type"] for column in result["metadata"]["columns"]}
