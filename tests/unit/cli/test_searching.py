"""Searches on the command line: what is asked for, shown, waited for and left alone."""

from __future__ import annotations

import json

import pytest

from tests.unit.autolearn.fake_server import FakePlatform, RunningFake
from tests.unit.cli.conftest import Shell, Terminal

GRID = ("train", "penguins", "svm", "-t", "species", "--grid", "-p", "C=[5, 9, 13]")


def test_a_search_is_one_job_and_one_ranked_table(shell: Shell, uploaded: None, platform: FakePlatform) -> None:
    ended = shell(*GRID, "--by", "f1", "--budget", "2m", "--trials", "7", "--seed", "3", "--plot")
    assert ended.code == 0, ended.err
    (asked,) = platform.searched
    told = {name: asked[name] for name in ("method", "algorithms", "by", "budget", "split")}
    space = {"algorithm": "svm", "parameters": {"C": [5, 9, 13]}}
    budget = {"seconds": 120, "trials": 7}
    assert told == {"method": "grid", "algorithms": [space], "by": "f1", "budget": budget, "split": {"seed": 3}}
    table = [line.split() for line in ended.out.splitlines()[1:5]]
    assert [line[2:5] for line in table] == [
        ["parameters", "f1", "seconds"],
        ["svm", "C=9", "0.09"],
        ["svm", "C=5", "0.05"],
        ["svm", "(failed)", "C=13"],
    ]
    assert "3 trials by f1; best: svm" in ended.out
    assert "3 ended, best so far: svm" in ended.err and "unlucky" in ended.err


def test_ranges_are_drawn_and_all_needs_no_algorithm(shell: Shell, uploaded: None, platform: FakePlatform) -> None:
    words = ("train", "penguins", "svm", "-t", "species", "--random", "2", "-p", "C=0.01..1e2", "-p", "degree=2..4")
    assert shell(*words, "--halving", "--quiet").code == 0
    assert shell("train", "penguins", "--all", "-t", "species", "--quiet").code == 0
    drawn, everything = platform.searched
    ranges = {"C": {"low": 0.01, "high": 100.0}, "degree": {"low": 2, "high": 4}}
    assert drawn["algorithms"] == [{"algorithm": "svm", "parameters": ranges}]
    assert (drawn["method"], drawn["draws"], drawn["halving"]) == ("random", 2, {})
    assert everything["method"] == "all" and "algorithms" not in everything


def test_json_is_one_document_with_the_search_and_its_trials(shell: Shell, uploaded: None) -> None:
    ended = shell(*GRID, "--json")
    assert ended.json["search"]["state"] == "succeeded" and ended.json["by"] == "accuracy"
    assert [one["rank"] for one in ended.json["items"]] == [1, 2, None]
    assert shell(*GRID, "--require", "measures.accuracy >= 0.09", "--quiet").code == 0
    failed = shell(*GRID, "--require", "measures.accuracy > 0.09")
    assert failed.code == 7 and "measures.accuracy is 0.09" in failed.err


def test_a_search_without_a_good_trial_is_a_failed_job(shell: Shell, uploaded: None) -> None:
    ended = shell("train", "penguins", "svm", "-t", "species", "--grid", "-p", "C=13")
    assert ended.code == 6 and "none of its trials succeeded" in ended.err


def test_one_is_left_alone_looked_at_and_cancelled(shell: Shell, server: RunningFake, uploaded: None) -> None:
    server.hold(True)
    detached = shell(*GRID, "--detach")
    search = detached.out.strip()
    assert search.startswith("srch_") and f"autolearn jobs wait {search[-8:]}" in detached.err
    late = shell(*GRID, "--timeout", "0.2", "--json")
    assert late.code == 124 and late.json["state"] == "running"
    assert "It searches since" in shell("jobs", "explain", search).out
    assert shell("jobs", "cancel", late.json["id"]).out == f"{late.json['id']} cancelled\n"
    assert "search" in shell("jobs", "list").out
    server.hold(False)
    followed = shell("jobs", "follow", search, "--json")
    events = [json.loads(line) for line in followed.out.splitlines()]
    assert [one["event"] for one in events] == ["state", "progress", "best", "state"]
    assert events[2]["parameters"] == {"C": 9}
    waited = shell("jobs", "wait", search)
    assert waited.code == 0 and "Ranked by accuracy" in waited.out
    shown = shell("jobs", "show", search)
    assert "3 of 3 ended, 1 failed, 0 cancelled" in shown.out and "Ranked by accuracy" in shown.out
    assert "prints nothing" in shell("jobs", "output", search).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train penguins svm -t species --by f1", "go with --all, --grid or --random"),
        ("train penguins svm -t species --halving", "--halving goes with"),
        ("train penguins svm -t species --grid --random 3", "say --grid or --random"),
        ("train penguins svm -t species --all", "--all chooses the algorithms itself"),
        ("train penguins -t species --all -p C=1", "-p goes with --grid or --random"),
        ("train penguins svm -t species --grid --detach --plot", "wait for the trials"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(shell: Shell, uploaded: None, words: str, said: str) -> None:
    ended = shell(*words.split())
    assert ended.code == 2 and said in ended.err


def test_what_the_server_refuses_is_told_at_its_place(shell: Shell, uploaded: None) -> None:
    ended = shell("train", "penguins", "random_forrest", "-t", "species", "--grid", "-p", "C=[1]")
    assert ended.code == 5 and "/algorithms/0/algorithm: no such algorithm; did you mean svm?" in ended.err


def test_ctrl_c_detaches_and_says_how_to_come_back(server: RunningFake, shell: Shell, uploaded: None) -> None:
    server.hold(True)
    terminal = Terminal(*GRID)
    try:
        terminal.expect("0 ended")
        terminal.process.send_signal(2)
        assert terminal.end() == 130
        assert "come back with: autolearn jobs wait" in terminal.said and "it goes on" in terminal.said
    finally:
        terminal.close()
