"""The file of `autolearn cluster up`, and what its commands say where nothing runs."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.supervising import SHIPPED, Cluster
from common import errors
from common.settings import SERVICES
from embedded.process import BUILDERS
from tests.runtimes import light_runtime


def programs() -> dict[str, dict[str, str]]:
    """The programs of the shipped file by name, their environment taken apart."""
    parser = configparser.RawConfigParser()
    parser.read_string(SHIPPED.read_text())
    found = {}
    for section in parser.sections():
        if section.startswith("program:"):
            told = dict(one.split("=", 1) for one in parser[section]["environment"].split(","))
            found[section.removeprefix("program:")] = {**parser[section], **told}
    return found


async def test_every_role_that_does_something_is_there_and_no_other(tmp_path: Path) -> None:
    async with light_runtime(tmp_path) as runtime:
        services = [build(runtime) for build in BUILDERS]
    expected = {f"{service.name}-rest" for service in services}
    # The gateway's event role keeps the index of an event log that has none, which SQLite's has.
    expected |= {f"{service.name}-event" for service in services if service.event_loops or service.name == "gateway"}
    expected |= {f"{service.name}-task" for service in services if service.task_loops}
    assert set(programs()) == expected


@pytest.mark.parametrize("name", sorted(programs()))
def test_a_program_starts_the_role_that_it_is_called_after(name: str) -> None:
    service, role = name.split("-")
    assert programs()[name]["command"] == f"%(ENV_CLUSTER_PYTHON)s -m {service}_service {role}"


@pytest.mark.parametrize("service", SERVICES)
def test_services_listen_where_the_others_look_for_them(service: str) -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(SHIPPED.read_text())
    port = programs()[f"{service}-rest"]["AUTOLEARN_PORT"].strip('"')
    assert f'AUTOLEARN_{service.upper()}_URL="http://127.0.0.1:{port}"' in parser["supervisord"]["environment"]


def test_without_engines_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOLEARN_RECORD_STORE", raising=False)
    cluster = Cluster(tmp_path / "cluster")
    with pytest.raises(errors.Conflict, match=r"AUTOLEARN_RECORD_STORE is SQLite"):
        cluster.up(None)
    assert cluster.processes() == []
    assert not cluster.down(1.0)


def test_secrets_are_made_once_and_for_this_user_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUTOLEARN_SERVICE_TOKEN", "AUTOLEARN_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AUTOLEARN_DATA", "somewhere")
    environments: list[dict[str, Any]] = [Cluster(tmp_path)._environment() for _ in range(2)]
    assert environments[0] == environments[1]
    token = environments[0]["AUTOLEARN_SERVICE_TOKEN"]
    assert len(token) > 40
    assert (tmp_path / "service.token").stat().st_mode & 0o777 == 0o600
    assert "AUTOLEARN_DATA" not in environments[0]
    monkeypatch.setenv("AUTOLEARN_SERVICE_TOKEN", "told")
    assert Cluster(tmp_path)._environment()["AUTOLEARN_SERVICE_TOKEN"] == "told"


def test_without_supervisor_every_command_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervisor.xmlrpc", None)
    cluster = Cluster(tmp_path)
    for command in (lambda: cluster.up(None), cluster.processes, lambda: cluster.down(1.0)):
        with pytest.raises(errors.Conflict, match=r"pip install 'autolearn\[cluster\]'"):
            command()
