"""Requests generated from the OpenAPI document: no answer is the server's own fault."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

from docs import generate
from tests.platforms import Platform

SCHEMA = schemathesis.openapi.from_dict(json.loads((generate.FOLDER / "openapi.json").read_text())).exclude(
    # A stream without end is followed by the acceptance tests; a rebuild is too large to be asked for by chance.
    path_regex=r"^/v1/log/stream$|^/v1/log:rebuild$|^/v1/log:verify$"
)
EXAMPLES = 6


@pytest.mark.filterwarnings("default")
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_server(case: schemathesis.Case, platform: Platform) -> None:
    case.call_and_validate(base_url=platform.url, checks=[not_a_server_error], timeout=20)
