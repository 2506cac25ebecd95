"""Where the server is looked for, and in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autolearn import finding
from autolearn.failures import Unreachable
from common import errors


@pytest.fixture
def profiles(_own_folders: None) -> Path:
    path = finding.config_folder() / "profiles.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[lab]\nurl = "http://lab:8470/"\ntoken = "t"\n')
    return path


def test_the_order(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding.find() == finding.Place(finding.DEFAULT_URL, None, "default")
    folder = finding.data_folder()
    folder.mkdir(parents=True)
    (folder / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "pid": 1}))
    assert finding.find() == finding.Place("http://127.0.0.1:9", None, "data folder")
    monkeypatch.setenv("AUTOLEARN_PROFILE", "lab")
    assert finding.find() == finding.Place("http://lab:8470", "t", "profile lab")
    monkeypatch.setenv("AUTOLEARN_URL", "elsewhere:1")
    assert finding.find() == finding.Place("http://elsewhere:1", None, "AUTOLEARN_URL")
    assert finding.find(profile_name="lab").found_by == "profile lab"
    assert finding.find("http://told", "mine", "lab") == finding.Place("http://told", "mine", "argument")


def test_an_unknown_profile_says_which_there_are(profiles: Path) -> None:
    with pytest.raises(errors.BadRequest, match=r"no profile 'home'.*there are: lab"):
        finding.find(profile_name="home")
    profiles.write_text("not toml")
    with pytest.raises(errors.BadRequest, match="cannot be read"):
        finding.find(profile_name="lab")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": "x"}', '{"url": "x", "pid": "y"}'])
def test_a_half_written_server_file_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)
    assert finding.running_server(tmp_path) is None


def test_only_http_is_spoken() -> None:
    with pytest.raises(errors.BadRequest, match="not an HTTP address"):
        finding.find("ftp://x")


def test_a_data_folder_that_is_named_has_no_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOLEARN_URL", raising=False)
    monkeypatch.setenv("AUTOLEARN_DATA", str(tmp_path))
    with pytest.raises(Unreachable, match="no server runs on"):
        finding.find()
