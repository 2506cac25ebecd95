"""A reader who knows one service knows all; nothing of this machine is in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SERVICES, tracked

SAME = (
    "__init__.py",
    "__main__.py",
    "bootstrap.py",
    "model.py",
    "handlers.py",
    "repository.py",
    "clients.py",
    "workers/__init__.py",
    "workers/rest.py",
    "workers/event.py",
    "workers/task.py",
)
ABSENT = {
    "evaluation_service": {"repository.py": "the questions about jobs are common/jobs/repository.py"},
    "session_service": {"workers/task.py": "it computes nothing in a child"},
    "storage_service": {
        "clients.py": "it asks for keys alone, by common/jobs/keys.py",
        "workers/task.py": "it computes nothing in a child",
    },
    "gateway_service": {
        "model.py": "it has no records of its own",
        "handlers.py": "it asks and merges: events.py, jobs.py, verifying.py",
        "repository.py": "it has no records of its own",
    },
}
"""What a service does without, and why."""
# Written in two halves, so that this file is not what it looks for.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "conda" + ".anaconda.org", "registry" + ".yarn")
MACHINE = re.compile(rb"(?<![\w.\-/])/(?:work|home|root|Users)/[\w.]")
SECRETS = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}")


def missing(service: Path, name: str) -> list[str]:
    """The files that a service should have and has not."""
    return [file for file in SAME if file not in ABSENT.get(name, {}) and not (service / file).is_file()]


def leaks(content: bytes) -> list[str]:
    """What of this machine, or of the place that packages come from, is in a file."""
    found = [host for host in REGISTRIES if host.encode() in content]
    found += [match.group().decode() for match in MACHINE.finditer(content)]
    return found + [match.group().decode() for match in SECRETS.finditer(content)]


@pytest.mark.parametrize("name", SERVICES)
def test_services_have_the_same_files(name: str) -> None:
    assert missing(ROOT / name, name) == []


@pytest.mark.parametrize("name", ABSENT)
def test_no_exception_is_stale(name: str) -> None:
    assert [file for file in ABSENT[name] if (ROOT / name / file).exists()] == []


def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    assert missing(tmp_path, "catalog_service") == list(SAME)


def test_no_file_names_this_machine_or_a_registry() -> None:
    found = {str(path.relative_to(ROOT)): told for path in tracked() if (told := leaks(path.read_bytes()))}
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "--index-url https://{}/simple".format("py" + "pi.org").encode(),
        b'PATH = "' + b"/ho" + b'me/somebody/data"',
        b"cd " + b"/wo" + b"rk/main",
        b"-----BEGIN " + b"PRIVATE KEY-----",
    ],
)
def test_a_leak_is_noticed(planted: bytes) -> None:
    assert leaks(planted)


def test_every_file_of_code_is_tracked_under_a_known_top() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in tracked() if path.suffix == ".py"}
    known = {*SERVICES, "autolearn", "benchmarks", "cli", "common", "deploy", "docs", "embedded", "tests"}
    assert tops <= known
