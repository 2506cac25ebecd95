"""The REST reference as a page for people, made of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = """# REST reference

Generated from [openapi.json](openapi.json), which a running platform serves at `/openapi.json`.

Habits that hold everywhere: reads are GET, changes POST, PATCH and DELETE. Errors are problem documents (RFC 9457)
with a stable `code` and every flaw in `errors` at its JSON pointer. Lists give `{"items": […], "next": cursor}` and
take `limit`, `cursor`, `filter` and `sort`. Long work answers 202 with `Location`; `Prefer: wait=N` waits up to N
seconds for its end. `Idempotency-Key` makes a repeat harmless. A *reference* in a path is a name, a full id, or at
least six characters of an id's ending. Every answer has `Traceparent`.

The [AsyncAPI document](asyncapi.json) describes the events of the log.
"""
_METHODS = ("get", "post", "patch", "put", "delete")


def page(openapi: Mapping[str, Any]) -> str:
    """One section a tag, one entry an operation with its parameters, body and answers."""
    sections: dict[str, list[str]] = {}
    for path, operations in sorted(openapi["paths"].items()):
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                tag = (operation.get("tags") or ["other"])[0]
                sections.setdefault(tag, []).append(_entry(path, method, operation))
    parts = [f"## {tag.capitalize()}\n\n" + "\n".join(entries) for tag, entries in sorted(sections.items())]
    return _HEAD + "\n" + "\n".join(parts)


def _entry(path: str, method: str, operation: Mapping[str, Any]) -> str:
    lines = [f"### {method.upper()} `{path}`", ""]
    if operation.get("description"):
        lines += [" ".join(operation["description"].split()), ""]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] != "path":
            need = ", required" if parameter.get("required") else ""
            text = f"- `{parameter['name']}` ({parameter['in']}{need})"
            lines.append(f"{text}: {parameter['description']}" if parameter.get("description") else text)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f"- body: `{kind}` {_shape(content.get('schema', {}))}".rstrip())
    answers = [
        f"{status} {_shape(_schema(answer))}".strip()
        for status, answer in operation.get("responses", {}).items()
        if status != "default"
    ]
    lines += [f"- answers: {'; '.join(answers)}", ""]
    return "\n".join(lines)


def _schema(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((content.get("schema", {}) for content in answer.get("content", {}).values()), {})


def _shape(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    return ""
