"""The oracle is tested on violations that are planted into the folder of a platform that has really run."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import psutil
import pytest

from tests import oracle
from tests.places import Folder
from tests.platforms import PENGUINS, Platform

NOTE = b"canary of the session's note"
TAG = b"canary-of-a-tag"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a platform that trained, evaluated, committed and discarded, and was stopped."""
    with Platform(tmp_path_factory.mktemp("finished")) as platform:
        platform.upload(PENGUINS)
        committed = platform.session(note=NOTE.decode())
        for algorithm in ("naive_bayes", "decision_tree"):
            platform.train(committed, algorithm)
        platform.evaluate(platform.get(f"/v1/sessions/{committed}/records")["items"][0]["job"])
        platform.post(f"/v1/sessions/{committed}:commit", {"tags": [TAG.decode()]}, prefer="wait=20")
        kept = platform.session(note=NOTE.decode())
        platform.train(kept)
        platform.train(kept, "decision_tree")
        discarded = platform.session(note=NOTE.decode())
        platform.train(discarded)
        platform.post(f"/v1/sessions/{discarded}:discard", prefer="wait=20")
        platform.settle()
        assert platform.stop() == 0
        return platform.data


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "data"))


def run(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Execute a statement on a database file."""
    connection = apsw.Connection(str(path))
    try:
        return list(connection.execute(sql, values))
    finally:
        connection.close()


def points(folder: Path, *canaries: bytes, **options: Any) -> set[str]:
    """Which points of the oracle are violated."""
    return {one.point for one in oracle.findings(folder, canaries, **options)}


def rewrite(folder: Path, type_: str, change: Callable[[dict[str, Any]], None]) -> str:
    """Change the first event of a type in the log; the id of its record."""
    sql = "SELECT arrival, body FROM event WHERE type = ? ORDER BY arrival LIMIT 1"
    ((arrival, body),) = run(folder / "events.db", sql, f"autolearn.{type_}.v1")
    event = json.loads(body)
    change(event)
    run(folder / "events.db", "UPDATE event SET body = ? WHERE arrival = ?", json.dumps(event), arrival)
    return str(event["subject"])


def artifact(folder: Path) -> Path:
    """The blob of a training's artifact that lies in an experiment or a session."""
    sql = "SELECT json_extract(state, '$.blobs.artifact') FROM record_experiments LIMIT 1"
    return folder / "blobs" / str(run(folder / "records.db", sql)[0][0])


def test_a_folder_that_ran_well_keeps_everything(finished: Path) -> None:
    oracle.oracle(finished, [NOTE, TAG])


def test_it_raises_with_all_that_it_found(folder: Path) -> None:
    (folder / "work" / "left").mkdir()
    (folder / "uploads" / "left").touch()
    with pytest.raises(AssertionError, match=r"O4 uploads/left(.|\n)*O4 work/left|O4 work/left(.|\n)*O4 uploads/left"):
        oracle.oracle(folder)


# O1


def test_o1_a_job_without_an_end(folder: Path) -> None:
    run(folder / "events.db", "DELETE FROM event WHERE type = 'autolearn.training.succeeded.v1'")
    assert "O1" in points(folder)
    assert "O1" not in points(folder, settled=False)


def test_o1_a_job_with_two_ends(folder: Path) -> None:
    def end_again(event: dict[str, Any]) -> None:
        event["type"] = "autolearn.training.failed.v1"

    rewrite(folder, "training.started", end_again)
    assert "O1" in points(folder, settled=False)


def test_o1_a_job_that_is_not_what_it_ended_as(folder: Path) -> None:
    run(folder / "records.db", "UPDATE record_trainings SET state = json_set(state, '$.state', 'failed')")
    assert "O1" in points(folder)


# O2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE record_sessions SET state = json_set(state, '$.name', 'another')",
        "UPDATE record_sessions SET version = version + 1",
        "UPDATE record_trainings SET head = 'f00d'",
        "DELETE FROM record_trainings WHERE id = (SELECT max(id) FROM record_trainings)",
        "UPDATE record_keys SET id = 'key_of_nobody' WHERE id = (SELECT max(id) FROM record_keys)",
    ],
)
def test_o2_a_changed_store(folder: Path, sql: str) -> None:
    run(folder / "records.db", sql)
    assert "O2" in points(folder)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM event WHERE type = 'autolearn.training.started.v1'",
        "DELETE FROM event WHERE type = 'autolearn.session.opened.v1'",
        "DELETE FROM event WHERE type = 'autolearn.commit.sealed.v1'",
    ],
)
def test_o2_a_gap_in_the_log(folder: Path, sql: str) -> None:
    run(folder / "events.db", sql)
    assert "O2" in points(folder)


@pytest.mark.parametrize("field", ["prevhash", "actor", "id", "time", "data"])
def test_o2_a_changed_event_names_its_record(folder: Path, field: str) -> None:
    def change(event: dict[str, Any]) -> None:
        event[field] = {**event["data"], "attempt": 7} if field == "data" else "changed"

    subject = rewrite(folder, "training.started", change)
    assert subject in {one.subject for one in oracle.findings(folder) if one.point == "O2"}


def test_o2_an_event_that_cannot_happen(folder: Path) -> None:
    rewrite(folder, "commit.sealed", lambda event: event.update(type="autolearn.commit.melted.v1"))
    assert "O2" in points(folder)


# O3


def test_o3_a_damaged_artifact(folder: Path) -> None:
    blob = artifact(folder)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.unlink()
    blob.write_bytes(content)
    assert points(folder) == {"O3"}


def test_o3_a_missing_artifact(folder: Path) -> None:
    artifact(folder).unlink()
    assert points(folder) == {"O3"}


def test_o3_a_missing_key(folder: Path) -> None:
    run(folder / "records.db", "UPDATE record_keys SET envelope = json_remove(envelope, '$.wrapped')")
    assert points(folder) == {"O3"}


def test_o3_an_artifact_in_the_place_of_another(folder: Path) -> None:
    blobs = sorted((folder / "blobs" / "training").rglob("artifact"))
    first, second = blobs[0].read_bytes(), blobs[1].read_bytes()
    for blob, content in zip(blobs[:2], (second, first), strict=True):
        blob.unlink()
        blob.write_bytes(content)
    assert points(folder) == {"O3"}


# O4


@pytest.mark.parametrize("left", ["work/trn_1/outputs", "uploads/upload_1", "blobs/.unfinished-1"])
def test_o4_a_temporary_file(folder: Path, left: str) -> None:
    (folder / left).mkdir(parents=True)
    assert points(folder) == {"O4"}


def test_o4_a_lease_of_an_ended_job(folder: Path) -> None:
    sql = "UPDATE record_trainings SET envelope = json_set(envelope, '$.lease', json('{\"until\": \"now\"}'))"
    run(folder / "records.db", sql)
    assert points(folder) == {"O4"}


def test_o4_a_process_that_works_in_the_folder(folder: Path) -> None:
    waiting = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(waiting, cwd=folder / "work", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        assert points(folder) == {"O4"}
        assert points(folder, processes=[psutil.Process(child.pid)]) == {"O4"}
        child.stdin.close()
    assert points(folder) == set()


# O5


def test_o5_a_canary_in_a_log(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "said.log"
    log.write_bytes(b"could not seal " + NOTE)
    assert points(folder, NOTE, logs=[log]) == {"O5"}


@pytest.mark.parametrize(
    "form",
    [
        NOTE,
        base64.b64encode(b"before it " + NOTE + b" behind it"),
        base64.b64encode(b"one more: " + NOTE),
        NOTE.hex().encode(),
        hashlib.sha256(NOTE).hexdigest().encode(),
    ],
)
@pytest.mark.parametrize("place", ["journal/00000001.journal", "server.log", "work/result.json", "blobs/storage/x"])
def test_o5_a_canary_in_a_file(folder: Path, place: str, form: bytes) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{" + form + b"}")
    assert "O5" in points(folder, NOTE)


@pytest.mark.parametrize("size", [0, 20_000])
def test_o5_a_canary_in_an_event(folder: Path, size: int) -> None:
    canary = NOTE * (1 + size // len(NOTE))
    rewrite(folder, "session.opened", lambda event: event["data"].update(note=canary.decode()))
    assert "O5" in points(folder, canary)


def test_o5_a_canary_in_a_record(folder: Path) -> None:
    sql = "UPDATE record_sessions SET envelope = json_set(envelope, '$.note', ?)"
    run(folder / "records.db", sql, NOTE.decode())
    assert points(folder, NOTE) == {"O5"}


def test_o5_a_tag_may_lie_in_the_searchable_summary_alone(folder: Path) -> None:
    assert TAG in folder.joinpath("records.db").read_bytes()
    assert points(folder, TAG) == set()
    run(folder / "records.db", "UPDATE record_commits SET envelope = json_set(envelope, '$.tag', ?)", TAG.decode())
    assert points(folder, TAG) == {"O5"}


@pytest.mark.parametrize("encode", [bytes, base64.b64encode, base64.urlsafe_b64encode])
def test_o5_a_key_in_a_file(folder: Path, encode: Callable[[bytes], bytes]) -> None:
    keys = oracle.Keyring(Folder(folder), oracle.read(Folder(folder)))
    secret = next(iter(keys.data.values())).secret
    (folder / "server.log").write_bytes(b"key " + encode(secret))
    assert points(folder) == {"O5"}


def test_o5_the_master_key_elsewhere(folder: Path) -> None:
    (folder / "backup").write_bytes((folder / "master.key").read_bytes())
    assert points(folder) == {"O5"}


def test_o5_a_canary_that_is_too_short_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="chance"):
        oracle.findings(folder, [b"short"])


# O7


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, int]], str]]:
    """Starts a server that answers paths with the statuses it is told."""
    servers: list[tuple[http.server.HTTPServer, threading.Thread]] = []

    def start(statuses: dict[str, int]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(statuses[self.path])
                self.send_header("content-length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("livez", "readyz", "sessions", "kept"),
    [
        (200, 200, 201, True),
        (200, 503, 503, True),  # not ready, and says so
        (500, 200, 201, False),
        (200, 200, 503, False),
        (200, 503, 201, False),
    ],
)
def test_o7_a_server_says_the_truth(
    folder: Path, serve: Callable[[dict[str, int]], str], livez: int, readyz: int, sessions: int, kept: bool
) -> None:
    url = serve({"/livez": livez, "/readyz": readyz, "/v1/sessions": sessions})
    assert points(folder, url=url) == (set() if kept else {"O7"})


def test_o7_a_server_that_is_away(folder: Path) -> None:
    assert points(folder, url="http://127.0.0.1:1") == {"O7"}
