"""Every rule holds for every module, and every rule would notice what it forbids."""

from __future__ import annotations

import pytest

from tests.architecture.rules import RULES
from tests.architecture.source import Module, modules

PLANTED: dict[str, list[tuple[str, str]]] = {
    "contracts_stand_alone": [
        ("common.contracts.jobs", "import httpx"),
        ("common.contracts.jobs", "from common import settings"),
        ("common.contracts.jobs", "from common.http.app import create_app"),
    ],
    "models_stand_alone": [
        ("session_service.model", "from common.records.sealing import DataKey"),
        ("common.jobs.model", "def late():\n    from common import runtime"),
    ],
    "adapters_are_chosen_in_the_runtime": [
        ("training_service.handlers", "from common.adapters import registry"),
        ("common.records.relay", "import common.adapters.event_log.sqlite"),
    ],
    "ports_stand_alone": [("common.ports.blob_store", "import obstore")],
    "services_do_not_know_each_other": [
        ("training_service.handlers", "from catalog_service import model"),
        ("session_service.clients", "import training_service.model"),
    ],
    "common_knows_no_service": [("common.jobs.handlers", "from training_service.model import LIFECYCLE")],
    "bootstraps_are_for_the_platform": [("cli.server", "from catalog_service.bootstrap import build")],
    "the_client_is_alone": [
        ("autolearn.client", "import rich"),
        ("autolearn.client", "import pandas"),
        ("autolearn.aio.jobs", "from common.records import sealing"),
    ],
    "the_command_line_is_a_client": [
        ("cli.server", "from embedded.process import platform"),
        ("cli.commands.log", "from common.records.event import digest"),
    ],
    "learning_libraries_stay_in_children": [
        ("training_service.handlers", "import sklearn.svm"),
        ("autolearn.frames", "import pyarrow"),
        ("common.jobs.artifacts", "def load():\n    import skops.io"),
    ],
    "a_driver_has_one_file": [("common.adapters.record_store.sqlite", "import apsw")],
    "handlers_are_plain": [("catalog_service.handlers", "from fastapi import Request")],
    "nothing_is_unpickled": [
        ("common.learning.artifact", "import joblib"),
        ("common.learning.artifact", "from pickle import loads"),
        ("cli.values", "eval('1')"),
    ],
    "no_error_is_swallowed": [
        ("cli.values", "try:\n    f()\nexcept:\n    g()"),
        ("cli.values", "try:\n    f()\nexcept Exception:\n    pass"),
    ],
    "packages_only_say_what_they_are": [("common.jobs", '"""Jobs."""\nimport os'), ("common.jobs", "")],
    "importing_does_nothing": [("cli.app", "print('hello')")],
    "modules_are_short_nouns": [("common.utils", ""), ("common.long", "\n" * 501)],
    "modules_say_what_they_are": [("common.silent", "import os")],
}
ALLOWED = [
    ("common.contracts.jobs", "from pydantic import Field\nfrom common import errors"),
    ("session_service.model", "from common import errors\nfrom common.records.lifecycle import Lifecycle"),
    ("common.runtime", "from common.adapters import registry"),
    ("embedded.process", "import training_service.bootstrap"),
    ("training_service.tasks.train", "import sklearn.svm"),
    ("autolearn.frames", "def frame():\n    import pandas"),
    ("autolearn.aio.pages", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas"),
    ("common.adapters.sqlite_connection", "import apsw"),
]


@pytest.mark.parametrize("name", RULES)
def test_the_tree_keeps_the_rule(name: str) -> None:
    violations = [found for module in modules() for found in RULES[name](module)]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("name", "module", "source"),
    [(name, module, source) for name, planted in PLANTED.items() for module, source in planted],
)
def test_the_rule_notices_what_it_forbids(name: str, module: str, source: str) -> None:
    planted = Module(module, source, is_package=name == "packages_only_say_what_they_are")
    assert list(RULES[name](planted))


def test_no_rule_is_without_a_planted_violation() -> None:
    assert set(PLANTED) == set(RULES)


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_what_is_allowed_is_let_be(module: str, source: str) -> None:
    described = Module(module, f'"""It says what it is."""\n{source}')
    assert not [found for rule in RULES.values() for found in rule(described)]
