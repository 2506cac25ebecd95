"""Datasets: uploaded, versioned, downloaded, deleted; what is wrong leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.platforms import PENGUINS, Platform

BAD = {
    "empty": b"",
    "only a header": b"a,b\n",
    "binary": bytes(range(256)) * 8,
    "ragged": b"a,b\n1,2\n3\n4,5,6,7\n",
    "unterminated quote": b'a,b\n1,"2\n3,4\n',
    "an archive": b"PK\x03\x04" + b"\0" * 60,
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_and_leaves_nothing(platform: Platform, tmp_path: Path, kind: str) -> None:
    before = platform.get("/v1/datasets")["items"]
    blobs = {path for path in platform.data.joinpath("blobs").rglob("*") if path.is_file()}
    path = tmp_path / "bad.csv"
    path.write_bytes(BAD[kind])
    answer = platform.http.post("/v1/datasets", content=BAD[kind], params={"name": "bad"}, headers=CSV)
    assert answer.status_code in (415, 422), answer.text
    assert answer.json()["detail"]
    assert platform.get("/v1/datasets")["items"] == before
    assert {path for path in platform.data.joinpath("blobs").rglob("*") if path.is_file()} == blobs


CSV = {"content-type": "text/csv"}


def test_the_same_content_is_one_version_and_other_content_the_next(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n1,x\n2,y\n3,x\n")
    first = platform.json("datasets", "upload", str(path))
    assert (first["version"], first["rows"]) == (1, 3)
    again = platform.json("datasets", "upload", str(path))
    assert again["id"] == first["id"]
    path.write_text("a,b\n1,x\n2,y\n3,x\n4,y\n")
    second = platform.json("datasets", "upload", str(path))
    assert second["version"] == 2
    assert platform.get("/v1/datasets/numbers")["id"] == second["id"]
    assert platform.get("/v1/datasets/numbers@1")["id"] == first["id"]
    assert platform.get(f"/v1/datasets/numbers@{first['digest'][:20]}")["id"] == first["id"]
    assert platform.get(f"/v1/datasets/{first['id']}")["version"] == 1
    assert platform.json("datasets", "set", "numbers", "--type", "a=category")["version"] == 3
    preview = platform.get("/v1/datasets/numbers@1/preview")
    assert preview
    assert platform.get("/v1/datasets/numbers@1/profile")


def test_what_is_downloaded_is_what_was_uploaded(platform: Platform, tmp_path: Path) -> None:
    target = tmp_path / "back.csv"
    assert platform.cli("datasets", "download", "penguins", "-o", str(target)).code == 0
    again = platform.upload(target, "penguins_again")
    assert again["digest"] == platform.get("/v1/datasets/penguins@1")["digest"]
    assert target.read_text().count("\n") == PENGUINS.read_text().count("\n")


def test_what_is_used_cannot_be_deleted(platform: Platform, session: str, tmp_path: Path) -> None:
    platform.upload(PENGUINS, "used")
    job = platform.train(session, dataset="used")["id"]
    refused = platform.http.delete("/v1/datasets/used@1")
    assert refused.status_code == 409
    assert refused.json()["code"] == "in_use"
    assert job in refused.text
    assert platform.cli("datasets", "delete", "used@1", "--yes").code == 5
    platform.post(f"/v1/sessions/{session}:discard", prefer="wait=20")
    assert platform.cli("datasets", "delete", "used@1", "--yes").code == 0
    assert platform.http.get("/v1/datasets/used").status_code in (404, 410)


def test_an_unknown_one_is_not_found_with_near_misses(platform: Platform) -> None:
    said = platform.cli("datasets", "show", "penguin")
    assert said.code == 4
    assert "penguins" in said.err


def test_a_table_of_thousands_of_columns_goes_the_whole_way(platform: Platform, session: str, tmp_path: Path) -> None:
    # What is asked of such a table is more than a sealed field of a record holds.
    names = [f"measured_under_a_name_that_is_rather_long_as_such_names_are_{number:04}" for number in range(600)]
    wide = tmp_path / "wide.csv"
    lines = [",".join(str((row * 7 + column) % 11) for column, _ in enumerate(names)) for row in range(40)]
    rows = [f"{line},{'ab'[number % 2]}" for number, line in enumerate(lines)]
    wide.write_text("\n".join([",".join([*names, "y"]), *rows]))
    platform.upload(wide)
    job = platform.train(session, "logistic_regression", dataset="wide", target="y")
    assert job["state"] == "succeeded", job
    assert job["request"]["features"] == names
    assert platform.evaluate(job["id"])["state"] == "succeeded"
    committed = platform.post(f"/v1/sessions/{session}:commit", status=200, prefer="wait=30")
    kept = platform.get(f"/v1/experiments/{committed['experiments'][0]}")
    assert kept["request"] == job["request"]
    assert len(kept["evaluations"]) == 1
