"""The HTML report: closed to the outside, whatever a column is called; complete, and readable by a screen reader."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

from autolearn import report
from common.contracts.datasets import DatasetVersion, Profile

EVIL = "</style><script src=//x.example>alert(1)</script>'\" onload=x &amp; \u202e"


class Reader(HTMLParser):
    """Every element with its attributes, and all texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(**target: Any) -> str:
    histogram = {"edges": [0.0, 0.5, 1.0], "counts": [3, 1]}
    number = {"min": 0.0, "max": 1.0, "mean": 0.5, "std": None, "quantiles": {"0.5": 0.5}, "histogram": histogram}
    columns = [
        {"name": EVIL, "type": "category", "missing": 0, "distinct": 2, "top": [{"value": EVIL, "count": 3}]},
        {"name": "n", "type": "number", "missing": 1, "distinct": 2, **number},
        {"name": "flag", "type": "boolean", "missing": 0, "distinct": 2, "true": 1, "false": 3},
        {"name": "when", "type": "datetime", "missing": 0, "distinct": 1, "first": "2020", "last": "2021"},
        {"name": "short", "type": "integer", "missing": 4, "distinct": 0, "min": None, "max": None},
    ]
    version = {
        **{"id": "ds_1", "name": "loans", "version": 1, "digest": "sha256:ab", "file_digest": "sha256:cd", "rows": 4},
        **{"columns": columns, "options": {"missing": ["NA"]}, "notes": [EVIL], "created": "2026-01-01T00:00:00.000Z"},
    }
    profile = {
        "rows": 4,
        "columns": columns,
        "sample": {"rows": 2, "estimated_rows": 2, "of_rows": 4},
        "correlations": {"columns": ["n", EVIL], "pearson": [[1, -0.9], [-0.9, 1]], "spearman": [[1, None], [None, 1]]},
        "duplicates": {"rows": 4, "exact": 0, "near": 0},
        "target": target or None,
        "warnings": [{"code": "constant", "columns": [EVIL], "count": 1, "detail": EVIL}],
    }
    return report.html(DatasetVersion.model_validate(version), Profile.model_validate(profile))


def test_nothing_that_a_table_says_becomes_more_than_text() -> None:
    text = page()
    reader = Reader()
    reader.feed(text)
    tags = {tag for tag, _ in reader.found}
    assert not tags & {"script", "link", "img", "iframe", "form", "a", "base", "object", "foreignobject"}
    names = {name for _, attributes in reader.found for name in attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"style", "src", "href", "xlink:href"})
    assert sum(tag == "style" for tag, _ in reader.found) == 1
    assert reader.texts.count(EVIL) >= 5
    policy = next(one["content"] for tag, one in reader.found if one.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"https?:|url\(|@import", text)


def test_tables_and_pictures_have_names() -> None:
    found = Reader()
    found.feed(page())
    pictures = [one for tag, one in found.found if tag == "svg"]
    assert len(pictures) == 3
    assert all(one["role"] == "img" and one["aria-label"] for one in pictures)
    tables = sum(tag == "table" for tag, _ in found.found)
    assert tables == sum(tag == "caption" for tag, _ in found.found) == 5
    assert all(one.get("scope") in ("row", "col") for tag, one in found.found if tag == "th")
    assert "0 to 0.5: 3" in found.texts


def test_the_target_has_a_section() -> None:
    told = {"name": "flag", "type": "boolean", "task": "classification", "task_reason": "boolean", "missing": 0}
    classes = {"distinct": 3, "top": [{"value": True, "count": 1, "share": 0.25}], "fewest": 1}
    associations = [{"name": "n", "measure": "correlation_ratio", "value": 0.5, "score": 1.0}]
    text = page(**told, classes=classes, associations=associations, left_out={"text": 2})
    for part in ("Target: flag", "25.00%", "correlation_ratio", "2 rarer classes", "text 2"):
        assert part in text
