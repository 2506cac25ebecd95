"""Starting and stopping: what a person, a script or an init system sees."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.platforms import LONG, MAMMOGRAPHY, Platform, command, environment
from tests.waiting import until

pytestmark = pytest.mark.one_process
SERVICES = ("catalog", "training", "evaluation", "session", "storage", "gateway")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    """A platform of this test alone, running."""
    with Platform(tmp_path) as platform:
        yield platform


def refusal(folder: Path, *words: str, module: str = "embedded", **more: str) -> str:
    """The one line by which a start is refused."""
    said = command(*words, module=module, environment=environment(folder, **more))
    assert said.code in (2, 5), said
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    return said.err


def test_it_is_ready_at_once_and_shuts_others_out(platform: Platform) -> None:
    assert platform.get("/livez") == {"status": "alive"}
    assert platform.get("/readyz")["ready"] is True
    assert platform.get("/v1/info")["mode"] == "embedded"
    assert platform.data.joinpath("server.json").is_file()
    assert platform.data.stat().st_mode & 0o077 == 0


def test_it_starts_again_on_what_it_has_and_leaves_nothing(own: Platform) -> None:
    session = own.session(name="before")
    assert own.stop() == 0
    assert not own.data.joinpath("server.json").exists()
    own.start()
    assert own.get(f"/v1/sessions/{session}")["name"] == "before"
    assert own.stop() == 0
    own.kept_its_promises()
    own.data.joinpath("master.key").rename(own.folder / "saved.key")
    assert "master.key" in refusal(own.folder, "--port", "0", "--data", str(own.data))


def test_a_second_one_is_refused_and_harms_nothing(platform: Platform, tmp_path: Path) -> None:
    said = refusal(platform.folder, "--port", "0", "--data", str(platform.data))
    assert str(platform.pid) in said
    assert "autolearn down" in said
    assert platform.data.joinpath("server.json").exists()


def test_a_busy_port_is_refused(platform: Platform, tmp_path: Path) -> None:
    port = platform.url.rpartition(":")[2]
    said = refusal(platform.folder, "--port", port, "--data", str(tmp_path / "another"))
    assert port in said
    assert "--port" in said


@pytest.mark.parametrize("folder", ["/proc/autolearn", "/sys/autolearn"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, folder: str) -> None:
    said = refusal(tmp_path, "--port", "0", "--data", folder)
    assert folder in said
    assert "--data" in said


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert "data" in refusal(tmp_path, "--port", "0", "--data", str(tmp_path / "data"))


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, "--port", "0", "--data", str(tmp_path / "data"), AUTOLEARN_SLOTZ="2")
    assert "AUTOLEARN_SLOTZ" in said


@pytest.mark.parametrize(
    ("service", "role"), [*((one, "rest") for one in SERVICES), ("training", "event"), ("training", "task")]
)
def test_a_role_alone_refuses_with_sqlite(tmp_path: Path, service: str, role: str) -> None:
    assert "autolearn up" in refusal(tmp_path, role, module=f"{service}_service")


def test_a_second_signal_ends_it_now(tmp_path: Path) -> None:
    with Platform(tmp_path, AUTOLEARN_DRAIN="60") as own:
        own.upload(MAMMOGRAPHY)
        job = own.train(own.session(), "random_forest", wait=False, **LONG)
        until(lambda: own.job(job["id"])["state"] == "running", 20, "a running job")
        family, process = own.family(), own.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        # It drains now: it takes no connections, and the job runs on.
        until(lambda: not accepts(own.url), 20, "no new connections")
        assert process.poll() is None
        told = own.cli("status", AUTOLEARN_DATA=str(own.data))
        assert (told.code, told.err.count("\n")) == (3, 1) and f"process {own.pid}) is stopping" in told.err
        assert "stopping already" in refusal(own.folder, "--port", "0", "--data", str(own.data))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert own._ended(family, 10) == 128 + signal.SIGTERM
        assert time.monotonic() - began < 5
        # What was running is run again.
        own.start()
        own.post(f"/v1/trainings/{job['id']}:cancel", status=None)
        assert own.ended(job["id"])["state"] == "cancelled"
        assert own.stop() == 0
        own.kept_its_promises()


def established(platform: Platform) -> int:
    """How many connections of clients it holds."""
    found = psutil.Process(platform.pid).net_connections("tcp")
    port = int(platform.url.rpartition(":")[2])
    return sum(1 for one in found if one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port)


def accepts(url: str) -> bool:
    """Whether somebody listens there."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as one:
        one.settimeout(2)
        return one.connect_ex((host, int(port))) == 0


def test_sigterm_ends_what_waits_and_gives_running_work_back(tmp_path: Path) -> None:
    with Platform(tmp_path, AUTOLEARN_DRAIN="0.5") as own:
        own.upload(MAMMOGRAPHY)
        job = own.train(own.session(), "random_forest", wait=False, **LONG)
        until(lambda: own.job(job["id"])["state"] == "running", 20, "a running job")
        training = f"/v1/trainings/{job['id']}"
        streams = ("/v1/log/stream?after=0", f"{training}/progress", f"{training}/output?follow=true")
        with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
            # Each is whole when it ends: one that was cut raises here.
            reading = [
                pool.submit(lambda answer: answer.read(), stack.enter_context(own.http.stream("GET", path)))
                for path in streams
            ]
            waiting = pool.submit(own.http.get, training, headers={"prefer": "wait=60"})
            until(lambda: established(own) > len(streams), 20, "a connection for each")
            own.get("/livez")  # later than what came before it: that has been read too
            assert own.stop() == 0
            assert waiting.result(20).json()["state"] in ("running", "queued")
            assert b"autolearn.call" in reading[0].result(20)
            assert b"running" in reading[1].result(20)
            reading[2].result(20)
        assert own.logs.read_text() == ""
        own.start()
        until(lambda: own.job(job["id"])["attempt"] == 2, 20, "a second attempt")
        own.post(f"/v1/trainings/{job['id']}:cancel", status=None)
        assert own.ended(job["id"])["state"] == "cancelled"
        assert own.stop() == 0
        own.kept_its_promises()


def test_the_command_line_starts_and_stops_it(tmp_path: Path) -> None:
    told = environment(tmp_path, AUTOLEARN_DATA=str(tmp_path / "data"))
    up = command("up", "--detach", "--port", "0", "--json", environment=told)
    assert up.code == 0, up
    try:
        url = up.document["url"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        again = command("up", "--detach", "--port", "0", environment=told)
        assert again.code == 5
        assert str(tmp_path / "data") in again.err
        status = command("status", "--json", environment=told)
        assert status.code == 0
        assert status.document["url"] == url
        doctor = command("doctor", "--json", environment=told)
        assert doctor.code == 0, doctor
    finally:
        assert command("down", environment=told).code == 0
    assert command("status", environment=told).code == 3
    assert command("datasets", "list", environment=told).code == 3
