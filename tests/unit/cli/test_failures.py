"""What a failed command says: all there is to say, and nothing twice."""

from __future__ import annotations

import pytest

from cli import failures
from common import errors
from common.errors import Flaw


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            errors.BadFilter(
                "filter: 'nme' is no field; did you mean 'name'?",
                flaws=[Flaw("?filter", "field", "'nme' is no field", ("name",))],
            ),
            5,
            ["autolearn: filter: 'nme' is no field; did you mean 'name'?"],
        ),
        (
            errors.Invalid(
                "there is no column 'y'", flaws=[Flaw("/target", "column", "there is no column 'y'.", ("x",))]
            ),
            5,
            ["autolearn: there is no column 'y'; did you mean x?"],
        ),
        (
            errors.Invalid("2 things are wrong", flaws=[Flaw("/a", "x", "one"), Flaw("", "y", "two")]),
            5,
            ["autolearn: 2 things are wrong", "  /a: one", "  /: two"],
        ),
        (
            errors.InUse("penguins@1 is used by 2 other things", extra={"referrers": ["trn_1", "trn_2"], "count": 2}),
            5,
            ["autolearn: penguins@1 is used by 2 other things", "  used by trn_1", "  used by trn_2"],
        ),
        (
            errors.Invalid("1 thing is wrong", flaws=[Flaw("/algorithm", "x", "for a: b, c, d, e", tuple("bcde"))]),
            5,
            ["autolearn: 1 thing is wrong", "  /algorithm: for a: b, c, d, e"],
        ),
        (
            errors.AmbiguousReference("2 sessions", extra={"candidates": ["ses_1", "ses_2"]}),
            5,
            ["autolearn: 2 sessions", "  could be ses_1", "  could be ses_2"],
        ),
    ],
)
def test_a_problem_is_told_once(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: list[str]
) -> None:
    assert failures.report(error) == code
    assert capsys.readouterr().err.splitlines() == said
