"""Writes the generated parts of the documentation: `python -m docs.generate`; a test compares what is committed.

They are made of the program itself: the OpenAPI document of the one door and a page from it,
the AsyncAPI document of the log, and the table of settings.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from common.settings import Settings
from docs import asyncapi, lifecycles, rest_page
from embedded.process import platform

FOLDER = Path(__file__).parent / "reference"
_COMPUTED = {
    "data": "`$XDG_DATA_HOME/autolearn`",
    "slots": "the number of cores",
    "search_window": "4 × the cores, at least 8",
}
_SETTINGS = """# Settings

Every setting is an environment variable that the platform reads once, when it starts. A name that begins with
`AUTOLEARN_` and is not in this table stops the start with one line that names it: a typing error must not pass
silently. Durations are seconds, sizes bytes.

| variable | default | meaning |
|---|---|---|
{rows}

`autolearn up` takes `--port`, `--host` and `--data` too; what is told there counts more. Clients read `AUTOLEARN_URL`,
`AUTOLEARN_TOKEN`, `AUTOLEARN_SESSION`, `AUTOLEARN_PROFILE` and `AUTOLEARN_DATA`.
"""


def openapi() -> str:
    """The OpenAPI document that `/openapi.json` answers with, as a file."""
    return json.dumps(asyncio.run(_described()), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def settings() -> str:
    """The table of settings."""
    rows = [
        f"| `AUTOLEARN_{name.upper()}` | {_default(name, field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _SETTINGS.format(rows="\n".join(rows))


def rest() -> str:
    """The REST reference for people."""
    return rest_page.page(json.loads(openapi()))


def events() -> str:
    """The AsyncAPI document of the event log."""
    return json.dumps(asyncapi.document(), indent=1, ensure_ascii=False) + "\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "openapi.json": openapi,
    "rest.md": rest,
    "asyncapi.json": events,
    "lifecycles.md": lifecycles.page,
    "settings.md": settings,
}


def main() -> None:
    """Write every part that has changed."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in PARTS.items():
        (FOLDER / name).write_text(make())


def _default(name: str, value: Any) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name]
    if value in ("", None):
        return "–"
    return f"`{json.dumps(value) if isinstance(value, tuple) else value}`"


async def _described() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with platform(Settings(data=Path(folder))) as running:
            transport = httpx.ASGITransport(running.door)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                document: dict[str, Any] = (await http.get("/openapi.json")).raise_for_status().json()
                return document


if __name__ == "__main__":
    main()
