"""Commands against the stand-in: what they print, where, and their exit codes."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from tests.unit.autolearn.fake_server import FakePlatform, RunningFake
from tests.unit.autolearn.fake_state import MODEL
from tests.unit.cli.conftest import Shell


def test_the_whole_way(shell: Shell, server: RunningFake, penguins: Path) -> None:
    shown = shell("datasets", "upload", str(penguins), "--type", "species=category")
    assert shown.code == 0 and "penguins@1" in shown.out and "species" in shown.out
    trained = shell("train", "penguins", "random_forest", "svm", "--target", "species", "-p", "svm.C=0.5")
    assert trained.code == 0, trained.err
    assert "opened session brave-otter" in trained.err
    lines = trained.out.splitlines()
    assert lines[0].split() == ["job", "algorithm", "state", "accuracy", "log_loss", "seconds"]
    assert [line.split()[1:4] for line in lines[1:]] == [
        ["random_forest", "succeeded", "0.98"],
        ["svm", "succeeded", "0.95"],
    ]
    evaluated = shell("evaluate", "--measure", "accuracy")
    assert evaluated.code == 0, evaluated.err
    assert evaluated.out.count("Confusion matrix of") == 2
    assert "Adelie" in evaluated.out and "40" in evaluated.out
    compared = shell("session", "compare")
    assert "algorithm" in compared.out and "random_forest" in compared.out
    committed = shell("session", "commit", "--tag", "best")
    assert committed.code == 0 and "committed" in committed.out
    listed = shell("experiments", "list", "--json").json["items"]
    assert [each["algorithm"] for each in listed] == ["random_forest", "svm"]
    # The session has ended, so it is no longer in use.
    assert shell("session", "show").code == 2


def test_json_is_one_document_and_nothing_else(shell: Shell, uploaded: None, platform: FakePlatform) -> None:
    one = shell("train", "penguins", "svm", "-t", "species", "--json")
    assert one.json["state"] == "succeeded" and one.json["id"] in platform.jobs
    two = shell("train", "penguins", "svm", "naive_bayes", "-t", "species", "--json")
    assert two.code == 6
    assert [each["state"] for each in two.json["items"]] == ["succeeded", "failed"]
    assert "island is constant" in two.err
    for command in (
        "datasets list",
        "datasets show penguins",
        "datasets preview penguins",
        "datasets profile penguins",
        "algorithms",
        "algorithms svm",
        "measures",
        "session list",
        "session show",
        "session compare",
        "jobs list",
        f"jobs show {one.json['id'][-8:]}",
        f"jobs wait {one.json['id'][-8:]}",
        f"jobs explain {one.json['id'][-8:]}",
        f"jobs output {one.json['id'][-8:]}",
        "experiments list",
        "experiments export",
        "log show",
        "log trace trn_000000",
        "log verify",
        "log rebuild --into check",
        "status",
        "version",
        "token",
    ):
        ended = shell(*command.split(), "--json")
        assert ended.code == 0, (command, ended.err)
        assert ended.json is not None, command
        assert shell("--json", *command.split()).out == ended.out or "log" in command, command


def test_every_list_has_a_plain_table(shell: Shell, uploaded: None) -> None:
    shell("train", "penguins", "svm", "-t", "species")
    for command, word in (
        ("datasets list", "penguins"),
        ("datasets preview penguins", "39.1"),
        ("datasets profile penguins", "species"),
        ("algorithms", "Naive Bayes"),
        ("algorithms svm", "n_estimators"),
        ("measures", "accuracy"),
        ("session list", "in use"),
        ("session show", "svm"),
        ("jobs list", "succeeded"),
        ("log show", "training.queued"),
        ("log verify", "ok: 2 records"),
        ("log rebuild --into check", "equal"),
        ("status", "embedded"),
    ):
        ended = shell(*command.split())
        assert ended.code == 0, (command, ended.err)
        assert word in ended.out, (command, ended.out)
        assert "\x1b" not in ended.out


def test_an_unreachable_server_is_one_line_within_five_seconds(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AUTOLEARN_URL", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        begin = time.monotonic()
        ended = shell("status", "--json")
    assert time.monotonic() - begin < 5
    assert ended.code == 3 and ended.out == ""
    assert ended.err.startswith("autolearn: no server answers at") and ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("datasets show nothing", 4, "autolearn: there is no dataset 'nothing'\n"),
        ("datasets upload nowhere.csv", 2, "autolearn: nowhere.csv: no such file or directory\n"),
        ("datasets upload -", 2, "--name"),
        ("datasets delete penguins", 2, "--yes"),
        ("datasets set penguins", 2, "--type COL=TYPE"),
        ("datasets set penguins --type x", 2, "'x' is not COL=TYPE"),
        ("train penguins", 2, "nobody can be asked"),
        ("train penguins svm --require measures.f1>=", 2, "--require"),
        ("train penguins svm --time-limit soon", 2, "'soon' is not a duration"),
        ("train nothing svm", 4, "there is no dataset"),
        (
            "train penguins random_forrest -t species",
            5,
            "  /algorithm: there is no such algorithm; did you mean random_forest?",
        ),
        ("session commit", 2, "no session is in use"),
        ("session keep --session 123456", 2, "--for"),
        ("jobs show 123456", 4, "there is no '123456'"),
        ("evaluate", 2, "no session is in use"),
        ("trian", 2, "Did you mean 'train'?"),
        ("--profile nowhere status", 2, "there is no profile 'nowhere'"),
        ("experiments tag 123456", 2, "say which TAG"),
    ],
)
def test_what_is_wrong_is_said_and_the_exit_code_tells_its_kind(
    shell: Shell, uploaded: None, words: str, code: int, said: str
) -> None:
    ended = shell(*words.split())
    assert ended.code == code, ended.err
    assert said in ended.err and ended.out == ""


def test_one_refused_algorithm_does_not_stop_the_others(shell: Shell, uploaded: None) -> None:
    ended = shell("train", "penguins", "random_forrest", "svm", "-t", "species")
    assert ended.code == 5
    assert "autolearn: random_forrest: the request has 1 problem" in ended.err
    assert "svm" in ended.out and "succeeded" in ended.out


def test_requirements_are_a_gate(shell: Shell, uploaded: None) -> None:
    words = ["train", "penguins", "svm", "random_forest", "-t", "species"]
    assert shell(*words, "--require", "measures.accuracy >= 0.9").code == 0
    ended = shell(*words, "--require", "measures.accuracy > 0.96", "--quiet")
    assert ended.code == 7
    assert "does not meet 'measures.accuracy > 0.96': measures.accuracy is 0.95" in ended.err
    assert ended.err.count("does not meet") == 1
    ended = shell(*words, "--require", "measures.test.accuracy > 0.9", "--quiet")
    assert "measures.test.accuracy is missing; did you mean measures.accuracy" in ended.err
    job = shell("jobs", "list", "--json").json["items"][0]["id"]
    assert shell("jobs", "show", job, "--require", "state = failed or measures.f1 > 0").code == 7
    assert shell("evaluate", job, "--require", "measures.accuracy > 0.97").code == 0
    shell("session", "commit")
    experiment = shell("experiments", "list", "--json").json["items"][0]["id"]
    assert shell("experiments", "show", experiment, "--require", "measures.accuracy < 0").code == 7


def test_waiting_that_times_out_leaves_the_job_alone(shell: Shell, server: RunningFake, uploaded: None) -> None:
    server.hold(True)
    ended = shell("train", "penguins", "svm", "-t", "species", "--timeout", "0.3", "--json")
    assert ended.code == 124 and ended.json["state"] == "running"
    assert f"autolearn jobs wait {ended.json['id'][-8:]}" in ended.err
    explained = shell("jobs", "explain", ended.json["id"])
    assert "It has been running since" in explained.out
    server.hold(False)
    assert shell("jobs", "wait", ended.json["id"][-8:]).code == 0


def test_detached_jobs_are_named_and_can_be_followed_and_cancelled(
    shell: Shell, server: RunningFake, uploaded: None, tmp_path: Path
) -> None:
    first = shell("train", "penguins", "svm", "-t", "species", "--detach").out.strip()
    second = shell("train", "penguins", "svm", "-t", "species", "--detach", "--json").json["id"]
    assert "1 wait in front of it, 0 run now" in shell("jobs", "explain", second).out
    followed = shell("jobs", "follow", first, "--json")
    assert followed.code == 0
    events = [json.loads(line) for line in followed.out.splitlines()]
    assert events[0] == {"id": first, "event": "state", "state": "running"}
    assert events[-1]["state"] == "succeeded"
    assert shell("jobs", "cancel", second).out == f"{second} cancelled\n"
    assert shell("jobs", "wait", second).code == 6
    assert shell("jobs", "output", first).out == "first\nsecond\n"
    assert shell("jobs", "output", first, "--follow", "--json").out.count("\n") == 2
    assert shell("jobs", "artifact", first, "-o", "m.skops").code == 0
    assert (tmp_path / "m.skops").read_bytes() == MODEL


def test_progress_is_a_line_for_each_step_elsewhere_than_on_a_terminal(shell: Shell, uploaded: None) -> None:
    ended = shell("train", "penguins", "svm", "-t", "species")
    steps = [line.rpartition(": ")[2] for line in ended.err.splitlines() if line.startswith("training svm")]
    assert steps == ["running", "fit", "succeeded"]
    assert shell("train", "penguins", "svm", "-t", "species", "--quiet").err == ""


def test_sessions_are_remembered_for_each_server(shell: Shell, uploaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shell("session", "open", "first", "--json").json["id"]
    second = shell("session", "open", "second", "--json", "--expires-in", "2h").json["id"]
    assert shell("session", "show", "--json").json["id"] == second
    assert shell("session", "use", first[-8:]).code == 0
    assert shell("session", "show", "--json").json["id"] == first
    monkeypatch.setenv("AUTOLEARN_SESSION", second)
    assert shell("session", "show", "--json").json["id"] == second
    assert shell("session", "show", "--session", first, "--json").json["id"] == first
    monkeypatch.delenv("AUTOLEARN_SESSION")
    assert shell("session", "keep", "--for", "3d").code == 0
    assert shell("session", "discard", "--yes", "--json").json["state"] == "discarded"
    assert shell("session", "show").code == 2


def test_a_remembered_session_that_has_ended_is_replaced(shell: Shell, uploaded: None, platform: FakePlatform) -> None:
    old = shell("session", "open", "--json").json["id"]
    platform.sessions[old]["state"] = "expired"
    ended = shell("train", "penguins", "svm", "-t", "species", "--json")
    assert ended.json["session"] != old and "opened session" in ended.err


def test_chosen_records_are_dropped_and_committed(shell: Shell, uploaded: None) -> None:
    items = shell("train", "penguins", "svm", "random_forest", "-t", "species", "--json").json["items"]
    assert shell("session", "drop", items[0]["id"], "--yes", "--json").json["records"] == 1
    ended = shell("session", "commit", items[1]["id"], "--json")
    assert ended.json["state"] == "open" and len(ended.json["experiments"]) == 1
    assert shell("session", "show").code == 0


def test_a_commit_that_is_given_up_fails_with_its_problem(shell: Shell, platform: FakePlatform, uploaded: None) -> None:
    shell("train", "penguins", "svm", "-t", "species")
    platform.commit_polls, platform.commit_problem = 1, {"code": "integrity", "detail": "damaged"}
    ended = shell("session", "commit")
    assert ended.code != 0 and "nothing was committed: damaged" in ended.err
    assert "damaged" in shell("session", "show").out


def test_experiments_are_annotated_and_exported(shell: Shell, uploaded: None, tmp_path: Path) -> None:
    shell("train", "penguins", "svm", "random_forest", "-t", "species")
    shell("session", "commit")
    ids = [each["id"] for each in shell("experiments", "list", "--json").json["items"]]
    ref = ids[0][-8:]
    assert shell("experiments", "tag", ref, "a", "b", "--json").json["tags"] == ["a", "b"]
    assert shell("experiments", "tag", ref, "--remove", "a", "--json").json["tags"] == ["b"]
    assert "note" in shell("experiments", "note", ref, "keep this").out
    assert "differs" not in shell("experiments", "compare", *ids).out
    assert shell("experiments", "export", "--format", "csv").out.splitlines() == ["id", *ids]
    assert shell("experiments", "export", "--format", "csv", "--json").code == 2
    assert shell("experiments", "export", "-o", "all.json", "--json").json["path"] == "all.json"
    assert len(json.loads((tmp_path / "all.json").read_text())) == 2
    assert shell("experiments", "artifact", ref, "-o", "m.skops").out == "m.skops\n"


def test_datasets_are_changed_downloaded_and_deleted(
    shell: Shell, uploaded: None, penguins: Path, tmp_path: Path
) -> None:
    changed = shell("datasets", "set", "penguins", "--type", "species=text", "--json").json
    assert changed["version"] == 2 and changed["columns"][1]["type"] == "text"
    assert shell("datasets", "download", "penguins@1", "-o", "copy.csv").out == "copy.csv\n"
    assert (tmp_path / "copy.csv").read_text() == penguins.read_text()
    assert shell("datasets", "download", "penguins@1", "-o", "-").out == penguins.read_text()
    assert shell("datasets", "delete", "penguins@2", "--yes", "--json").json["deleted"] == "penguins@2"
    shell("train", "penguins", "svm", "-t", "species")
    assert shell("datasets", "delete", "penguins", "--yes").code == 5


def test_the_log_is_followed_one_event_a_line(server: RunningFake) -> None:
    from tests.unit.cli.conftest import Terminal

    terminal = Terminal("log", "tail", "--json")
    try:
        terminal.expect('"arrival": 4')
    finally:
        terminal.close()


def test_what_a_server_says_does_not_command_the_terminal(shell: Shell, uploaded: None, platform: FakePlatform) -> None:
    platform.datasets[0]["name"] = "evil\x1b[2J\nname"
    ended = shell("datasets", "list")
    assert "\x1b" not in ended.out and "evil\\x1b[2J\\nname" in ended.out


def test_verbose_says_where_the_server_was_found(shell: Shell, server: RunningFake) -> None:
    assert f"server: {server.url} (from AUTOLEARN_URL)" in shell("status", "--verbose").err


def test_a_session_that_was_opened_for_nothing_is_discarded(
    shell: Shell, uploaded: None, platform: FakePlatform
) -> None:
    before = len(platform.sessions)
    ended = shell("train", "penguins", "random_forrest", "-t", "species")
    assert ended.code == 5 and "nothing was accepted" in ended.err
    states = [shell("session", "show", one, "--json").json["state"] for one in list(platform.sessions)[before:]]
    assert states == ["discarded"]
    assert shell("session", "show").code == 2, "and it is not in use"
