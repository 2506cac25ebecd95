"""Task workers on two other hosts: they share the queue fairly, and with the platform nothing but networks."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymongo
import pytest

from common.settings import SERVICES
from tests.acceptance.conftest import HOSTS
from tests.clusters import ClusterPlatform
from tests.engine_platform import SETTINGS
from tests.hosts import Host
from tests.proxies import Proxies
from tests.waiting import until

pytestmark = [pytest.mark.external, pytest.mark.timeout(400)]
FOREST = {"parameters": {"n_estimators": 200}}
"""On the penguins: a second of work, and an artifact of some size."""


class Others:
    """Two hosts with a task worker each, and the proxies through which each reaches the engines and services."""

    def __init__(self, cluster: ClusterPlatform, folder: Path, stack: ExitStack) -> None:
        services = {name: self._service(cluster, name) for name in SERVICES}
        self.cables: list[Proxies] = []
        self.hosts: list[Host] = []
        for number in HOSTS:
            disk = folder / f"host-{number}"
            hidden = [cluster.folder, *(folder / f"host-{other}" for other in HOSTS if other != number)]
            for path in hidden:
                path.mkdir(exist_ok=True, parents=True)
            host = stack.enter_context(Host(number, disk, hidden))
            direct = {SETTINGS[name]: url for name, url in cluster.urls.items()} | services
            cable = stack.enter_context(Proxies(direct, at=host.gateway))
            stack.callback(host.cluster.down, 60)  # while it still reaches the engines
            shutil.copy(cluster.cluster.folder / "master.key", disk / "master.key")
            told = {f"AUTOLEARN_{name.upper()}": cable.url(SETTINGS[name], url) for name, url in cluster.urls.items()}
            told["AUTOLEARN_MASTER_KEY"] = str(disk / "master.key")
            told["AUTOLEARN_SERVICE_TOKEN"] = (cluster.cluster.folder / "service.token").read_text()
            self.hosts.append(host)
            self.cables.append(cable)
            host.work(
                ["training-task"],
                {name: cable.url(name, url) for name, url in services.items()},
                {**cluster.environment, **told},
            )

    @staticmethod
    def _service(cluster: ClusterPlatform, name: str) -> str:
        return next(one.url or "" for one in cluster.processes() if one.name == f"{name}-rest-0")


@pytest.fixture(scope="module")
def others(cluster: ClusterPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Others]:
    """Only they train."""
    with ExitStack() as stack:
        hosts = Others(cluster, tmp_path_factory.mktemp("hosts"), stack)
        stack.enter_context(cluster.without("training-task"))
        yield hosts


def test_they_share_the_queue_fairly_and_no_disk(cluster: ClusterPlatform, others: Others) -> None:
    for host in others.hosts:
        assert host.run(["ls", "-A", str(cluster.folder)]) == ""
    session = cluster.session()
    sent = [cable.carried("s3") for cable in others.cables]
    jobs = [cluster.train(session, "random_forest", wait=False, **FOREST)["id"] for _ in range(12)]
    holders = who_ran(cluster, jobs)
    ended = [cluster.job(one) for one in jobs]
    assert {one["state"] for one in ended} == {"succeeded"}
    shares = Counter(holders.values())
    assert len(shares) == 2 and min(shares.values()) >= 3, shares
    size = ended[0]["result"]["artifact"]["size"]
    moved = [cable.carried("s3") - before for cable, before in zip(others.cables, sent, strict=True)]
    assert min(moved) >= 3 * size and sum(moved) >= 12 * size, (moved, size)
    committed = cluster.post(f"/v1/sessions/{session}:commit", prefer="wait=30")
    assert (committed["state"], len(committed["experiments"])) == ("committed", 12)
    cluster.keeps_its_promises()


def who_ran(cluster: ClusterPlatform, jobs: list[str]) -> dict[str, str]:
    """Wait for the ends of jobs; which worker held the lease of each."""
    found: dict[str, str] = {}
    with pymongo.MongoClient[dict[str, Any]](cluster.urls["record_store"]) as client:
        trainings = client.get_default_database()["trainings"]

        def over() -> bool:
            for one in trainings.find({"envelope.lease": {"$exists": True}}, {"envelope.lease.holder": 1}):
                found.setdefault(one["_id"], one["envelope"]["lease"]["holder"])
            return not trainings.count_documents({"_id": {"$in": jobs}, "state.state": {"$in": ["queued", "running"]}})

        until(over, 120, "the end of all of them", every=0.05)
    return {job: holder for job, holder in found.items() if job in jobs}
