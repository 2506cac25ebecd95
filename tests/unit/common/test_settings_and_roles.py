"""Settings from the environment, and roles that refuse to start with what is for one process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common import errors
from common.settings import SERVICES, Settings, data_home
from common.workers.main import main

ENGINES = {
    "AUTOLEARN_RECORD_STORE": "mongodb://a",
    "AUTOLEARN_EVENT_LOG": "kafka://a",
    "AUTOLEARN_MESSAGE_BUS": "amqp://a",
    "AUTOLEARN_BLOB_STORE": "s3://a",
    **{f"AUTOLEARN_{name.upper()}_URL": "http://127.0.0.1:1" for name in SERVICES},
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AUTOLEARN_")]:
        monkeypatch.delenv(name)


class TestSettings:
    def test_a_variable_sets_what_its_name_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUTOLEARN_PORT", "9000")
        monkeypatch.setenv("AUTOLEARN_TOKEN", "of the client, no setting")
        monkeypatch.setenv("AUTOLEARN_SERVICE_TOKEN", "hidden")
        found = Settings()
        assert found.port == 9000
        assert "hidden" not in repr(found)

    def test_a_misspelt_variable_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUTOLEARN_PROT", "9000")
        with pytest.raises(errors.Invalid, match="AUTOLEARN_PROT"):
            Settings()

    @pytest.mark.parametrize(("name", "value"), [("PORT", "many"), ("LEASE", "0"), ("PORT", "70000"), ("SLOTS", "0")])
    def test_a_wrong_value_is_refused_under_the_name_of_its_variable(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(f"AUTOLEARN_{name}", value)
        with pytest.raises(errors.Invalid, match=f"AUTOLEARN_{name}"):
            Settings()

    def test_the_data_folder_follows_the_desktop_rules(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert data_home() == tmp_path / "autolearn" == Settings().data
        monkeypatch.setenv("AUTOLEARN_DATA", "~/elsewhere")
        assert data_home() == Path.home() / "elsewhere"


class TestRoles:
    @pytest.mark.parametrize(
        ("arguments", "environment", "code", "said"),
        [
            ([], {}, 2, "usage: python -m training_service rest | event | task"),
            (["sing"], {}, 2, "usage:"),
            (["rest", "now"], {}, 2, "usage:"),
            (["task"], {}, 5, "the task role cannot run alone: AUTOLEARN_RECORD_STORE is SQLite; `autolearn up`"),
            (["task"], {**ENGINES, "AUTOLEARN_MESSAGE_BUS": "local:"}, 5, "AUTOLEARN_MESSAGE_BUS is a bus inside one"),
            (["event"], {**ENGINES, "AUTOLEARN_STORAGE_URL": ""}, 5, "AUTOLEARN_STORAGE_URL says nothing"),
            (["rest"], ENGINES, 5, "AUTOLEARN_SERVICE_TOKEN is not set"),
            (["task"], {"AUTOLEARN_PROT": "1"}, 2, "unknown setting AUTOLEARN_PROT"),
            (["task"], {"AUTOLEARN_PORT": "many"}, 2, "AUTOLEARN_PORT"),
        ],
    )
    def test_one_line_and_an_exit_code(
        self,
        arguments: list[str],
        environment: dict[str, str],
        code: int,
        said: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("common.logging.configure", lambda _: None)
        monkeypatch.setattr("sys.argv", ["training_service", *arguments])
        with pytest.raises(SystemExit) as ended:
            main("training")
        assert ended.value.code == code
        printed = capsys.readouterr()
        assert printed.out == ""
        assert said in printed.err and printed.err.count("\n") == 1
