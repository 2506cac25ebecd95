"""The command line as scripts meet it: exit codes, one JSON document, no colour, an answer within seconds."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests import warm
from tests.platforms import LONG, MAMMOGRAPHY, PENGUINS, Platform
from tests.waiting import until

READING = [
    ("datasets", "list"),
    ("datasets", "show", "penguins"),
    ("datasets", "preview", "penguins"),
    ("datasets", "profile", "penguins"),
    ("algorithms",),
    ("algorithms", "svm"),
    ("measures",),
    ("session", "list"),
    ("jobs", "list"),
    ("experiments", "list"),
    ("log", "show"),
    ("log", "verify"),
    ("status",),
    ("doctor",),
    ("version",),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document_and_nothing_else(platform: Platform, words: tuple[str, ...]) -> None:
    told = {"AUTOLEARN_DATA": str(platform.data)}
    said = platform.cli(*words, "--json", **told)
    assert said.code == 0, said
    assert json.loads(said.out) is not None
    assert said.err == ""
    plain = platform.cli(*words, **told)
    assert plain.code == 0, plain
    assert plain.out.strip()
    assert "\x1b" not in plain.out + plain.err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, ("train",)),
        (2, ("jobs", "show")),
        (2, ("nothing",)),
        (2, ("experiments", "list", "--require", "measures.f1 >")),
        (4, ("jobs", "show", "trn_00000000000000000000000000000000")),
        (4, ("datasets", "show", "unknown")),
        (5, ("datasets", "list", "--filter", "rows >")),
        (5, ("train", "penguins", "svm", "--target", "unknown", "--session", "SESSION")),
    ],
)
def test_exit_codes_of_refusals(platform: Platform, session: str, code: int, words: tuple[str, ...]) -> None:
    said = platform.cli(*(session if word == "SESSION" else word for word in words))
    assert said.code == code, said
    assert said.out == ""
    assert said.err.strip()
    assert "Traceback" not in said.err


def test_a_requirement_is_a_gate(platform: Platform, session: str) -> None:
    told = ("train", "penguins", "naive_bayes", "--target", "species", "--session", session, "--require")
    assert platform.cli(*told, "measures.accuracy >= 0.5").code == 0
    failed = platform.cli(*told, "measures.accuracy >= 0.999")
    assert failed.code == 7, failed
    assert "measures.accuracy" in failed.err


def test_a_failed_job_is_6_and_a_long_one_124(platform: Platform, session: str) -> None:
    platform.upload(MAMMOGRAPHY)
    told = ("train", "mammography", "random_forest", "--target", "column_7", "--session", session)
    parameter = ("-p", f"n_estimators={LONG['parameters']['n_estimators']}")
    assert platform.cli(*told, *parameter, "--time-limit", "1s").code == 6
    late = platform.cli(*told, *parameter, "--timeout", "0.5")
    assert late.code == 124, late
    (job,) = platform.get("/v1/jobs", filter="state in ('queued', 'running')")["items"]
    assert job["id"][-6:] in late.err
    platform.post(f"/v1/trainings/{job['id']}:cancel", status=None)


def test_ctrl_c_detaches_and_says_how_to_come_back(platform: Platform, session: str) -> None:
    platform.upload(MAMMOGRAPHY)
    words = ["train", "mammography", "random_forest", "--target", "column_7", "--session", session]
    environment = {**platform.environment, "AUTOLEARN_URL": platform.url}
    child = warm.start("cli", [*words, "-p", "n_estimators=10000"], environment)
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdout, child.stderr:
        # The first line of progress says that it waits now.
        assert child.stderr.readline()
        (job,) = until(lambda: platform.get("/v1/jobs", filter="state = 'running'")["items"], 30, "a running job")
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
    assert child.wait(20) == 130, said
    assert job["id"] in said
    assert "autolearn jobs wait" in said
    assert platform.job(job["id"])["state"] == "running"
    platform.post(f"/v1/trainings/{job['id']}:cancel", status=None)


def test_a_server_that_is_away_is_one_line_within_seconds(platform: Platform) -> None:
    began = time.monotonic()
    said = platform.cli("datasets", "list", AUTOLEARN_URL="http://127.0.0.1:1")
    assert said.code == 3
    assert said.err.count("\n") == 1
    assert time.monotonic() - began < 10  # 5 for the server, the rest for a busy machine to start Python


def test_a_file_can_come_from_stdin(platform: Platform) -> None:
    said = platform.cli("datasets", "upload", "-", "--name", "from_stdin", "--json", text=PENGUINS.read_text())
    assert said.code == 0, said
    assert said.document["rows"] == 344
