"""Every setting is documented, and a name that none has is refused."""

from __future__ import annotations

import re

import pytest

from common import errors
from common.settings import Settings
from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "reference" / "settings.md"
_ENTRY = re.compile(r"^\| `AUTOLEARN_(\w+)` \|", re.MULTILINE)


def documented(page: str) -> set[str]:
    """The settings that a page has a row for."""
    return {name.lower() for name in _ENTRY.findall(page)}


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    assert documented(PAGE.read_text()) == set(Settings.model_fields)


def test_a_missing_row_is_noticed() -> None:
    page = PAGE.read_text()
    assert documented(page.replace("| `AUTOLEARN_SWEEP` |", "| sweep |")) == set(Settings.model_fields) - {"sweep"}


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_unknown_settings_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLEARN_SLOTZ", "3")
    with pytest.raises(errors.Invalid, match="AUTOLEARN_SLOTZ"):
        Settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().slots = 3  # type: ignore[misc]
