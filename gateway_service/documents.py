"""What the one door says of itself: one OpenAPI document of all services, and a page that lists the routes."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from common.http.proxy import Proxy

_VERBS = ("get", "post", "patch", "put", "delete")
_HEALTH = ("/livez", "/readyz", "/v1/info")
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
dt {{ font-family: ui-monospace, monospace; margin-top: .5rem; }} dt b {{ display: inline-block; width: 4.5rem; }}
dd {{ margin-left: 4.5rem; color: #444; }}
</style></head><body><h1>{title} {version}</h1>
<p>The whole description, for machines: <a href="/openapi.json">/openapi.json</a></p>
{sections}</body></html>
"""


async def of(apps: Mapping[str, ASGIApp]) -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each service. Raises `errors.Unavailable` when one in another process does not answer."""
    found = {}
    for name, app in apps.items():
        if isinstance(app, FastAPI):
            found[name] = app.openapi()
        elif isinstance(app, Proxy):
            found[name] = await app.document()
    return found


def merged(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One document of everything that can be reached at the door; `/internal` is left out.

    Health and `/v1/info`, which every service has, are the gateway's. Raises `ValueError` when two services give one
    name to different schemas.
    """
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    version = ""
    for name, document in sorted(documents.items(), key=lambda item: item[0] != "gateway"):
        version = version or document["info"]["version"]
        for path, item in document["paths"].items():
            if not path.startswith("/internal") and (path not in paths or path not in _HEALTH):
                paths[path] = item
        for kind, entries in document.get("components", {}).items():
            known = components.setdefault(kind, {})
            for entry, schema in entries.items():
                if known.setdefault(entry, schema) != schema:
                    raise ValueError(f"{name} has another schema called {entry}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "AutoLearn", "version": version},
        "paths": dict(sorted(paths.items())),
        "components": _used(paths, components),
    }


def listing(document: Mapping[str, Any]) -> str:
    """A page that lists the routes of an OpenAPI document; it needs nothing from any other host."""
    sections: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for verb in (verb for verb in _VERBS if verb in item):
            tag = (item[verb].get("tags") or ["other"])[0]
            said = item[verb].get("description") or item[verb].get("summary") or ""
            entry = f"<dt><b>{verb.upper()}</b> {html.escape(path)}</dt><dd>{html.escape(said)}</dd>"
            sections.setdefault(tag, []).append(entry)
    body = "\n".join(
        f"<h2>{html.escape(tag)}</h2><dl>{''.join(entries)}</dl>" for tag, entries in sorted(sections.items())
    )
    info = document["info"]
    return _PAGE.format(title=html.escape(info["title"]), version=html.escape(info["version"]), sections=body)


def _used(paths: Mapping[str, Any], components: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The components that the paths need: what only internal routes use is not shown."""
    wanted: set[str] = set()
    waiting = list(_references(paths))
    while waiting:
        reference = waiting.pop()
        if reference in wanted:
            continue
        wanted.add(reference)
        kind, name = reference.split("/")[2:4]
        waiting.extend(_references(components[kind][name]))
    return {
        kind: {name: schema for name, schema in entries.items() if f"#/components/{kind}/{name}" in wanted}
        for kind, entries in components.items()
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
