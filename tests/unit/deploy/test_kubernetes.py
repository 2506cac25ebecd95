"""The manifests for Kubernetes: valid by its schemas, complete, and careful."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from common.settings import Settings
from embedded.process import BUILDERS
from tests.runtimes import light_runtime
from tests.warm import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.31"
FILES = ("init", "rest", "event", "task", "network")


def documents(*names: str) -> list[dict[str, Any]]:
    """The objects of some files."""
    return [one for name in names for one in yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text())]


DEPLOYMENTS = [one for one in documents(*FILES) if one["kind"] == "Deployment"]


def pod(deployment: dict[str, Any]) -> dict[str, Any]:
    """What a deployment says of its pods."""
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def named(deployment: dict[str, Any]) -> str:
    return str(deployment["metadata"]["name"])


@pytest.mark.parametrize("name", FILES)
def test_every_object_fits_the_schema_of_its_kind(name: str) -> None:
    for one in documents(name):
        kubernetes_validate.validate(one, VERSION, strict=True)


def test_an_object_that_does_not_fit_is_noticed() -> None:
    broken = {**DEPLOYMENTS[0], "spec": {**DEPLOYMENTS[0]["spec"], "replicas": "two"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


def test_kustomize_takes_every_file() -> None:
    told = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert sorted(told["resources"]) == sorted(f"{name}.yaml" for name in FILES)


def test_every_setting_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    told = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    literals = dict(one.split("=", 1) for one in told["configMapGenerator"][0]["literals"])
    for name, value in literals.items():
        monkeypatch.setenv(name, value)
    assert set(Settings().addresses) == {"catalog", "training", "evaluation", "session", "storage"}
    services = {named(one) for one in documents("rest") if one["kind"] == "Service"}
    assert {url.split("//")[1].split(":")[0] for url in Settings().addresses.values()} < services
    assert services <= set(Settings().allowed_hosts)


async def test_every_role_has_a_deployment(tmp_path: Path) -> None:
    async with light_runtime(tmp_path) as runtime:
        services = [build(runtime) for build in BUILDERS]
    expected = {f"{service.name}-rest" for service in services}
    expected |= {f"{service.name}-event" for service in services if service.event_loops or service.name == "gateway"}
    expected |= {f"{service.name}-task" for service in services if service.task_loops}
    assert {named(one) for one in DEPLOYMENTS} == expected
    for one in DEPLOYMENTS:
        service, role = named(one).split("-")
        assert pod(one)["containers"][0]["args"] == [f"{service}_service", role]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=named)
def test_pods_may_do_little_are_watched_and_are_given_time_to_drain(deployment: dict[str, Any]) -> None:
    (container,) = pod(deployment)["containers"]
    assert pod(deployment)["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod(deployment)["terminationGracePeriodSeconds"] > Settings().drain
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        # The address of a pod is no known host; without this header every probe would be refused.
        assert container[probe]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
    assert container["resources"]["limits"]["memory"]


def test_task_workers_follow_the_number_of_open_jobs() -> None:
    scaled = [one for one in documents("autoscaling/task") if one["kind"] == "ScaledObject"]
    assert {one["spec"]["scaleTargetRef"]["name"] for one in scaled} == {named(one) for one in documents("task")}
    for one in scaled:
        (trigger,) = one["spec"]["triggers"]
        assert trigger["metadata"]["url"].endswith(":8470/internal/jobs:load")
        assert trigger["metadata"]["valueLocation"] == "open"
