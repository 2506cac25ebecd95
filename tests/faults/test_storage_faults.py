"""What disks do: bits that change, files that go, are cut or written over, keys that are lost, no room."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests import oracle
from tests.platforms import PENGUINS, Platform, Said, command, environment
from tests.waiting import until


class Grown:
    """A data folder that holds two trainings, one of them committed, and copies of it to spoil."""

    def __init__(self, folder: Path) -> None:
        self.crashed = folder / "crashed"
        with Platform(folder) as platform:
            platform.upload(PENGUINS)
            committed, self.session = platform.session(), platform.session()
            self.committed = platform.train(committed)["id"]
            platform.post(f"/v1/sessions/{committed}:commit", {}, prefer="wait=20")
            self.job = platform.train(self.session)["id"]
            platform.settle()
            platform.kill()
            # As a crash leaves it: the newest writes are in the write-ahead logs only.
            shutil.copytree(platform.data, self.crashed)
            platform.start()
            assert platform.stop() == 0
            self.stopped = platform.data

    def copy(self, target: Path, *, crashed: bool = False) -> Path:
        """A copy of the folder in `target / "data"`."""
        return Path(shutil.copytree(self.crashed if crashed else self.stopped, target / "data"))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return Grown(tmp_path_factory.mktemp("grown"))


def start(folder: Path) -> Said:
    """A start that must be refused: its words."""
    told = environment(folder)
    said = command("--port", "0", "--data", str(folder / "data"), module="embedded", environment=told)
    assert said.code == 5, said
    assert said.err.count("\n") == 1, said.err
    return said


def doctor(folder: Path) -> dict[str, Any]:
    """What `doctor` finds wrong, by the name of the check."""
    told = environment(folder, AUTOLEARN_DATA=str(folder / "data"))
    checks = command("doctor", "--json", environment=told).document["checks"]
    return {check["name"]: check["found"] for check in checks if not check["ok"]}


def flip(path: Path, place: float = 0.5) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


def test_a_changed_or_removed_blob_harms_only_itself(grown: Grown, tmp_path: Path) -> None:
    data = grown.copy(tmp_path)
    (artifact,) = data.glob(f"blobs/training/{grown.job}/*/artifact*")
    good = artifact.read_bytes()
    with Platform(tmp_path) as platform:
        for spoil in (lambda: flip(artifact), lambda: flip(artifact, 0.999), artifact.unlink):
            artifact.write_bytes(good)
            spoil()
            answer = platform.http.get(f"/v1/trainings/{grown.job}/artifact")
            assert (answer.status_code, answer.json()["code"]) == (500, "integrity"), answer.text
            failed = platform.evaluate(grown.job)
            assert failed["state"] == "failed"
            assert failed["problem"]["code"] == "integrity", failed["problem"]
        artifact.write_bytes(good)
        assert platform.evaluate(grown.job)["state"] == "succeeded"
        # Nobody can commit what is not whole; and when it is whole again, one can.
        flip(artifact)
        path = f"/v1/sessions/{grown.session}:commit"
        assert platform.http.post(path, json={}, headers={"prefer": "wait=20"}).is_success
        (experiment,) = platform.get("/v1/experiments", filter=f"session = {grown.session}")["items"]
        answer = platform.http.get(f"/v1/experiments/{experiment['id']}/artifact")
        assert (answer.status_code, answer.json()["code"]) == (500, "integrity"), answer.text
        artifact.write_bytes(good)
        platform.keeps_its_promises()


@pytest.mark.parametrize("name", ["records.db", "events.db"])
def test_a_torn_database_is_named(grown: Grown, tmp_path: Path, name: str) -> None:
    file = grown.copy(tmp_path) / name
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.write(bytes(4_096))
    assert str(file) in start(tmp_path).err
    assert str(file) in doctor(tmp_path)["data"]
    shutil.rmtree(tmp_path / "data")
    grown.copy(tmp_path)
    with file.open("r+b") as opened:
        opened.seek(size // 2 // 4_096 * 4_096)
        opened.write(b"\xff" * 8_192)
    assert str(file) in doctor(tmp_path)["data"]


def test_a_lost_tail_of_a_write_ahead_log_is_never_silent(grown: Grown, tmp_path: Path) -> None:
    cuts: list[tuple[str, Callable[[int], int]]] = [
        ("records.db-wal", lambda size: size - 1),
        ("events.db-wal", lambda size: size // 2),
        ("records.db-wal", lambda size: size // 2),
    ]
    for number, (name, cut) in enumerate(cuts):
        folder = tmp_path / str(number)
        file = grown.copy(folder, crashed=True) / name
        assert file.stat().st_size > 32
        with file.open("r+b") as opened:
            opened.truncate(cut(file.stat().st_size))
        with Platform(folder) as platform:
            verified = platform.get("/v1/log:verify")
            assert platform.stop() == 0
        found = [one for one in oracle.findings(folder / "data", settled=False) if one.point == "O2"]
        assert verified["ok"] == (not found), (name, verified, [str(one) for one in found])


def test_a_start_without_the_right_master_key_is_refused(grown: Grown, tmp_path: Path) -> None:
    key = grown.copy(tmp_path) / "master.key"
    good = key.read_text()
    key.write_text(json.dumps({"keys": [Fernet.generate_key().decode()]}))
    assert "master.key" in start(tmp_path).err
    key.write_text("{}")
    assert "master.key" in start(tmp_path).err
    key.unlink()
    assert "master.key" in start(tmp_path).err
    assert "master.key" in doctor(tmp_path)["data"]
    assert not key.exists()
    key.write_text(good)
    with Platform(tmp_path) as platform:
        assert platform.job(grown.job)["result"]["measures"]["test"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small and soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_survived(small_disk: Path, tmp_path: Path) -> None:
    platform = Platform(small_disk)
    platform.logs = tmp_path / "platform.log"  # what it says must not need the disk that it speaks of
    with platform:
        platform.upload(PENGUINS)
        session = platform.session()
        before = platform.train(session)["id"]
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as opened, pytest.raises(OSError, match="No space"):
            while True:
                opened.write(bytes(1 << 16))
        body = PENGUINS.read_bytes() * 20
        answer = platform.http.post(
            "/v1/datasets", content=body, params={"name": "big"}, headers={"content-type": "text/csv"}
        )
        assert answer.status_code in (503, 507), answer.text
        refused = {"session": session, "dataset": "penguins", "target": "species", "algorithm": "svm"}
        answer = platform.http.post("/v1/trainings", json=refused)
        assert answer.status_code in (202, 503, 507), (answer.text, platform.logs.read_text())
        assert platform.http.get("/livez").status_code == 200
        assert platform.http.get("/readyz").status_code == 503
        filler.unlink()
        until(lambda: platform.http.get("/readyz").status_code == 200, 20, "a platform that is ready again")
        assert platform.train(session)["state"] == "succeeded"
        assert platform.job(before)["state"] == "succeeded"
        platform.keeps_its_promises()
        assert platform.stop() == 0
        platform.kept_its_promises()
