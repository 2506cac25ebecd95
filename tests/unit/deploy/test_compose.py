"""The compose file: every role, no secret and no default password in it, and containers that may do little."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.adapters.keyring.file import FileKeyring
from common.settings import Settings
from common.workers.needs import missing
from deploy.secrets import WORDS
from tests.unit.deploy.test_kubernetes import DEPLOYMENTS, named
from tests.warm import ROOT

TEXT = (ROOT / "deploy" / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
ROLES = {named(one) for one in DEPLOYMENTS}


def test_every_role_is_there_and_runs_what_it_is_called_after() -> None:
    assert set(SERVICES) >= ROLES
    for name in ROLES:
        service, role = name.split("-")
        assert SERVICES[name]["command"] == [f"{service}_service", role]


@pytest.mark.parametrize("name", sorted(ROLES))
def test_containers_may_do_little_and_are_watched(name: str) -> None:
    told = SERVICES[name]
    assert (told["user"], told["read_only"], told["cap_drop"]) == ("10001", True, ["ALL"])
    assert "/readyz" in told["healthcheck"]["test"][-1]


def test_only_the_door_is_open_and_on_loopback() -> None:
    opened = {name: told["ports"] for name, told in SERVICES.items() if "ports" in told}
    assert opened == {"gateway-rest": ["127.0.0.1:8470:8470"]}


def test_every_secret_comes_from_outside_and_is_made_by_us() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert asked == set(WORDS)
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) == asked, "a variable without :? would be empty in silence"


def test_the_settings_are_those_that_a_role_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["training-task"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "x", value))
    settings = Settings()
    assert list(missing(settings)) == []
    hosts = {url.split("//")[1].split(":")[0] for url in settings.addresses.values()}
    assert hosts <= set(settings.allowed_hosts) and hosts <= set(SERVICES)


def test_secrets_are_made_once_for_this_user_only(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.secrets", str(tmp_path)]
    first = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    kept = (tmp_path / ".env").read_text()
    again = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "written" in first.stdout and "written" not in again.stdout
    assert (tmp_path / ".env").read_text() == kept
    values = dict(line.split("=") for line in kept.splitlines())
    assert set(values) == set(WORDS) and len(set(values.values())) == len(WORDS)
    for name in (".env", "master.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    ring = FileKeyring(tmp_path / "master.key")
    assert ring.unwrap(ring.wrap(b"x" * 32, owner="o"), owner="o") == b"x" * 32
