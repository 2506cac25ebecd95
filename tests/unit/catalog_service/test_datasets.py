"""Uploading, finding, changing and deleting datasets, over REST and with real child processes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from catalog_service import builtin
from catalog_service.sweeping import Sweeper
from common import errors
from common.errors import from_problem
from tests.unit.catalog_service.conftest import Catalog

pytestmark = pytest.mark.asyncio(loop_scope="module")
CSV = b"island,mass\nBiscoe,3.5\nDream,4.25\nBiscoe,\n"
OTHER = b"island,mass\nTorgersen,3.5\nDream,4.25\n"


async def test_upload_makes_a_version_that_can_be_read(catalog: Catalog) -> None:
    answer = await catalog.upload("My DataSet.csv", CSV)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/datasets/{made['id']}"
    assert (made["name"], made["version"], made["rows"], made["size"]) == ("my_dataset", 1, 3, len(CSV))
    assert [(column["name"], column["missing"]) for column in made["columns"]] == [("island", 0), ("mass", 1)]
    assert made["digest"].startswith("sha256:")
    assert made["file_digest"].startswith("sha256:")
    assert (await catalog.http.get("/v1/datasets/my_dataset")).json() == made
    preview = (await catalog.http.get("/v1/datasets/my_dataset/preview", params={"rows": 2})).json()
    assert preview == {"columns": ["island", "mass"], "rows": [["Biscoe", 3.5], ["Dream", 4.25]]}
    assert (await catalog.http.get("/v1/datasets/my_dataset/profile")).json()["rows"] == 3
    assert catalog.files() == []


async def test_same_content_is_the_same_version_and_other_content_or_options_the_next(catalog: Catalog) -> None:
    first = await catalog.upload("penguins", CSV)
    again = await catalog.upload("Penguins.csv", CSV)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await catalog.upload("penguins", OTHER)).json()["version"] == 2
    assert (await catalog.upload("penguins", CSV, header="false")).json()["version"] == 3
    assert (await catalog.upload("penguins", CSV, type="mass=text")).json()["version"] == 4
    assert len(await catalog.blobs()) == 8


async def test_versions_never_collide_under_concurrent_uploads(catalog: Catalog) -> None:
    files = [b"a,b\n" + b"%d,x\n%d,y\n" % (number // 2, number // 2 + 1) for number in range(12)]
    answers = await asyncio.gather(*(catalog.upload("race", content) for content in files))
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert sorted(each["version"] for each in made) == [1, 2, 3, 4, 5, 6]
    assert len({answer.json()["id"] for answer in answers}) == 6


async def test_references(catalog: Catalog) -> None:
    first = (await catalog.upload("penguins", CSV)).json()
    second = (await catalog.upload("penguins", OTHER)).json()
    for reference, wanted in {
        "penguins": second,
        "Penguins": second,
        "penguins@1": first,
        f"penguins@{first['digest']}": first,
        f"penguins@{first['digest'][:13]}": first,
        first["id"]: first,
        second["id"][-8:]: second,
    }.items():
        assert (await catalog.http.get(f"/v1/datasets/{reference}")).json()["id"] == wanted["id"], reference
    for reference in (
        "penguin",
        "penguins@7",
        "penguins@x",
        "penguins@sha256:zz",
        "ds_" + "0" * 32,
        "a" * 300,
        "@",
        "%2e%2e%2fetc",
    ):
        answer = await catalog.http.get(f"/v1/datasets/{reference}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), reference
    assert "penguins" in (await catalog.http.get("/v1/datasets/penguin")).json()["detail"]


@pytest.mark.parametrize("name", ["", "...", "///", "x" * 300, "😀"])
async def test_names_that_cannot_be(catalog: Catalog, name: str) -> None:
    answer = await catalog.upload(name, CSV)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"
    assert catalog.files() == await catalog.blobs() == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("a\0b.csv", "a_b"),
        ("Größe (2).TSV", "größe_2"),
        ("sales.2024", "sales_2024"),
    ],
)
async def test_names_are_only_words(catalog: Catalog, name: str, kept: str) -> None:
    answer = await catalog.upload(name, CSV)
    assert answer.json()["name"] == kept
    assert (await catalog.http.get(f"/v1/datasets/{kept}")).status_code == 200
    assert all(blob.startswith(f"catalog/{answer.json()['id']}/") for blob in await catalog.blobs())


async def test_a_form_is_an_upload_too(catalog: Catalog) -> None:
    files = {"file": ("C:\\data\\Pen guins.csv", CSV)}
    answer = await catalog.http.post("/v1/datasets", files=files, data={"options": '{"header": false}'})
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["rows"]) == ("pen_guins", 4)
    named = await catalog.http.post("/v1/datasets", files=files, data={"name": "birds"})
    assert named.json()["name"] == "birds"


@pytest.mark.parametrize(
    ("form", "status", "word"),
    [
        ({"files": {"data": ("a.csv", CSV)}}, 422, "takes file, name and options"),
        ({"files": {"file": ("a.csv", CSV)}, "data": {"options": "{"}}, 400, "no JSON"),
        ({"files": {"file": ("a.csv", CSV)}, "data": {"options": '{"sep": ","}'}}, 422, "Extra inputs"),
        ({"files": {"file": ("a.csv", CSV)}, "data": {"name": "x" * 70_000}}, 413, "fields and headers"),
        ({"files": [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]}, 422, "more than one file"),
        ({"files": {"name": (None, "x")}}, 422, "no part named file"),
        (
            {"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
            "multipart",
        ),
        ({"content": b"", "headers": {"content-type": "multipart/form-data"}}, 400, "no boundary"),
    ],
)
async def test_forms_that_are_wrong(catalog: Catalog, form: dict[str, Any], status: int, word: str) -> None:
    answer = await catalog.http.post("/v1/datasets", **form)
    assert (answer.status_code, word in answer.json()["detail"]) == (status, True), answer.text
    assert catalog.files() == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"type": "mass"}, 422),
        ({"type": "mass=colour"}, 422),
        ({"type": "weight=number"}, 422),
        ({"sep": ","}, 400),
        ({"header": "maybe"}, 400),
    ],
)
async def test_options_that_are_wrong(catalog: Catalog, query: dict[str, str], status: int) -> None:
    answer = await catalog.upload("penguins", CSV, **query)
    assert (answer.status_code, len(answer.json()["errors"])) == (status, 1), answer.text
    assert catalog.files() == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"PAR1" + bytes(100), 422),
        (b"PK\x03\x04" + bytes(200), 415),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), 415),
    ],
)
async def test_what_is_no_table_is_refused_and_leaves_nothing(catalog: Catalog, content: bytes, status: int) -> None:
    answer = await catalog.upload("penguins", content)
    assert answer.status_code == status, answer.text
    assert catalog.files() == await catalog.blobs() == []
    assert (await catalog.http.get("/v1/datasets")).json()["items"] == []


@pytest.mark.parametrize("told", [True, False])
async def test_an_upload_over_the_limit_is_refused(catalog: Catalog, told: bool) -> None:
    size = catalog.runtime.settings.upload_limit + 1

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(size // 1000 + 1):
            yield b"x" * 1000

    content = b"x" * size if told else chunks()
    answer = await catalog.http.post("/v1/datasets", params={"name": "big"}, content=content)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert catalog.files() == []


async def test_a_client_that_goes_away_leaves_nothing(catalog: Catalog) -> None:
    messages = [{"type": "http.request", "body": CSV, "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/datasets", "raw_path": b"/v1/datasets", "query_string": b"name=gone", "root_path": "",
        "headers": [(b"host", b"catalog"), (b"content-type", b"text/csv")], "server": ("catalog", 80), "client": None,
    }  # fmt: skip
    said: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    await catalog.service.app(scope, receive, send)
    assert said[0]["status"] == 400
    assert catalog.files() == []


async def test_content_in_all_formats(catalog: Catalog) -> None:
    await catalog.upload("penguins", CSV)
    csv = await catalog.http.get("/v1/datasets/penguins/content")
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.headers["content-disposition"] == "attachment; filename*=UTF-8''penguins.csv"
    assert csv.text.splitlines()[0].replace('"', "") == "island,mass"
    parquet = await catalog.http.get("/v1/datasets/penguins/content", params={"format": "parquet"})
    assert (parquet.content[:4], parquet.content[-4:]) == (b"PAR1", b"PAR1")
    arrow = await catalog.http.get("/v1/datasets/penguins/content", params={"format": "arrow"})
    assert arrow.content[:6] == b"ARROW1"
    assert (await catalog.http.get("/v1/datasets/penguins/content", params={"format": "xls"})).status_code == 400
    again = await catalog.upload("copy", csv.content)
    assert again.json()["digest"] == (await catalog.http.get("/v1/datasets/penguins")).json()["digest"]


async def test_other_types_make_a_version(catalog: Catalog) -> None:
    first = (await catalog.upload("penguins", CSV)).json()
    change = {"columns": [{"name": "mass", "type": "text"}]}
    answer = await catalog.http.patch("/v1/datasets/penguins", json=change)
    made = answer.json()
    assert (answer.status_code, made["version"], made["file_digest"]) == (201, 2, first["file_digest"])
    assert [column["type"] for column in made["columns"]] == ["category", "text"]
    assert (await catalog.http.patch("/v1/datasets/penguins@1", json=change)).json() == made
    wrong = {
        "columns": [{"name": "mas", "type": "text"}, {"name": "mass", "type": "text"}, {"name": "mass", "type": "text"}]
    }
    refused = (await catalog.http.patch("/v1/datasets/penguins", json=wrong)).json()
    assert [flaw["code"] for flaw in refused["errors"]] == ["unknown_column", "duplicate"]
    assert refused["errors"][0]["suggestions"] == ["mass"]


async def test_lists_are_filtered_sorted_and_paged(catalog: Catalog) -> None:
    for name in ("one", "two", "three"):
        await catalog.upload(name, CSV)
    await catalog.upload("one", OTHER)
    query: dict[str, Any] = {"limit": 2, "sort": "name,-version"}
    seen: list[str] = []
    while True:
        page = (await catalog.http.get("/v1/datasets", params=query)).json()
        seen += [f"{item['name']}@{item['version']}" for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == ["one@2", "one@1", "three@1", "two@1"]
    few = await catalog.http.get("/v1/datasets", params={"filter": "rows = 2 and name ~ ON"})
    assert [item["version"] for item in few.json()["items"]] == [2]
    assert (await catalog.http.get("/v1/datasets")).json()["items"][0]["rows"] == 2
    assert (await catalog.http.get("/v1/datasets", params={"filter": "row = 2"})).json()["code"] == "bad_filter"


async def test_deleting_leaves_the_number_taken_and_sweeps_the_bytes(catalog: Catalog) -> None:
    await catalog.upload("penguins", CSV)
    await catalog.upload("penguins", OTHER)
    assert (await catalog.http.delete("/v1/datasets/penguins")).status_code == 204
    assert (await catalog.http.get("/v1/datasets/penguins")).json()["version"] == 1
    assert "deleted" in (await catalog.http.get("/v1/datasets/penguins@2")).json()["detail"]
    assert (await catalog.upload("penguins", OTHER)).json()["version"] == 3
    assert len(await catalog.blobs()) == 6
    await asyncio.to_thread(lambda: None)
    sweeper = Sweeper(catalog.service.repositories[0], catalog.runtime.blobs, grace=-1.0)
    assert await sweeper.sweep() == 2
    assert len(await catalog.blobs()) == 4
    assert (await catalog.http.get("/v1/datasets/penguins@3/preview")).status_code == 200
    assert (await Sweeper(catalog.service.repositories[0], catalog.runtime.blobs, grace=100).sweep()) == 0


async def test_a_dataset_in_use_stays(catalog: Catalog) -> None:
    first = (await catalog.upload("penguins", CSV)).json()
    await catalog.upload("penguins", OTHER)
    catalog.used[f"storage {first['id']}"] = ["exp_1", "exp_2"]
    for path in ("penguins@1", "penguins?all=true"):
        answer = await catalog.http.delete(f"/v1/datasets/{path}")
        assert answer.status_code == 409
        assert (answer.json()["code"], answer.json()["referrers"]) == ("in_use", ["exp_1", "exp_2"])
        assert type(from_problem(answer.json())).__name__ == "InUse"
    assert len((await catalog.http.get("/v1/datasets")).json()["items"]) == 2
    catalog.away.add("training")
    assert (await catalog.http.delete("/v1/datasets/penguins")).status_code == 503
    catalog.away.clear()
    catalog.used.clear()
    assert (await catalog.http.delete("/v1/datasets/penguins@1?all=true")).status_code == 400
    assert (await catalog.http.delete("/v1/datasets/penguins?all=true")).status_code == 204
    assert (await catalog.http.delete("/v1/datasets/penguins?all=true")).status_code == 404


async def test_repeats_with_an_idempotency_key(catalog: Catalog) -> None:
    key = {"idempotency-key": "k1"}
    query = {"name": "penguins"}
    first = await catalog.http.post("/v1/datasets", params=query, content=CSV, headers=key)
    again = await catalog.http.post("/v1/datasets", params=query, content=CSV, headers=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await catalog.http.post("/v1/datasets", params=query, content=OTHER, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    await catalog.upload("penguins", OTHER)
    gone = {"idempotency-key": "k2"}
    assert (await catalog.http.delete("/v1/datasets/penguins", headers=gone)).status_code == 204
    assert (await catalog.http.delete("/v1/datasets/penguins", headers=gone)).status_code == 204
    assert [item["version"] for item in (await catalog.http.get("/v1/datasets")).json()["items"]] == [1]


async def test_a_repeat_finishes_the_deletion_that_a_crash_interrupted(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (CSV, OTHER):
        await catalog.upload("penguins", content)
    store, real, calls = catalog.runtime.store, catalog.runtime.store.append, itertools.count()

    async def once(*args: Any, **kwargs: Any) -> Any:
        if next(calls):
            raise errors.Unavailable("the machine went away")
        return await real(*args, **kwargs)

    gone = {"idempotency-key": "k"}
    monkeypatch.setattr(store, "append", once)
    assert (await catalog.http.delete("/v1/datasets/penguins?all=true", headers=gone)).status_code == 503
    monkeypatch.undo()
    assert len((await catalog.http.get("/v1/datasets")).json()["items"]) == 1
    await catalog.upload("penguins", CSV + b"Gentoo,1.0\n")
    assert (await catalog.http.delete("/v1/datasets/penguins?all=true", headers=gone)).status_code == 204
    assert [item["version"] for item in (await catalog.http.get("/v1/datasets")).json()["items"]] == [3]


async def test_services_learn_where_the_table_is(catalog: Catalog) -> None:
    made = (await catalog.upload("penguins", CSV)).json()
    found = (await catalog.http.get("/internal/datasets/penguins", headers=catalog.internal())).json()
    assert found == {"dataset": made, "blob": f"catalog/{made['id']}/table.parquet"}
    assert (await catalog.http.get("/internal/datasets/penguins")).status_code == 401


async def test_carried_in_datasets_come_once(catalog: Catalog) -> None:
    assert catalog.service.ready is not None
    await catalog.service.ready()
    page = (await catalog.http.get("/v1/datasets", params={"sort": "name"})).json()["items"]
    assert [(item["name"], item["rows"]) for item in page] == [
        ("breast_cancer", 569), ("diabetes", 442), ("digits", 1797), ("iris", 150), ("wine", 178),
    ]  # fmt: skip
    assert (await catalog.http.delete("/v1/datasets/iris")).status_code == 204
    await catalog.service.ready()
    assert len((await catalog.http.get("/v1/datasets")).json()["items"]) == 4


async def test_what_a_killed_process_left_is_removed_at_start(catalog: Catalog) -> None:
    (catalog.runtime.settings.data / "uploads" / "upload_left").write_bytes(b"x")
    assert catalog.service.start is not None
    await catalog.service.start()
    assert catalog.files() == []


async def test_algorithms_and_measures(catalog: Catalog) -> None:
    for kind in ("algorithms", "measures"):
        every = (await catalog.http.get(f"/v1/{kind}")).json()["items"]
        first = (await catalog.http.get(f"/v1/{kind}", params={"limit": 1})).json()
        rest = (await catalog.http.get(f"/v1/{kind}", params={"cursor": first["next"]})).json()
        assert first["items"] + rest["items"] == every
        assert rest["next"] is None
        assert (await catalog.http.get(f"/v1/{kind}/{every[-1]['name']}")).json() == every[-1]
        assert (await catalog.http.get(f"/v1/{kind}/nothing")).status_code == 404


async def test_a_profile_is_explored_once_for_each_target_and_swept_with_the_version(catalog: Catalog) -> None:
    content = b"island,mass,when\n" + b"Biscoe,3.5,2021-01-01\nDream,4.25,2021-01-02\nBiscoe,,2021-01-03\n" * 10
    await catalog.upload("penguins", content)
    where = "/v1/datasets/penguins/profile"
    plain = (await catalog.http.get(where)).json()
    assert plain["target"] is None
    assert plain["duplicates"] == {"rows": 30, "exact": 27, "near": 27}
    found = (await catalog.http.get(where, params={"target": "island"})).json()
    assert found["target"]["associations"][0]["name"] == "mass"
    assert found["columns"] == plain["columns"]
    kept = await catalog.blobs()
    assert len(kept) == 4
    assert (await catalog.http.get(where, params={"target": "island"})).json() == found
    for target, code in {"islnd": "unknown_column", "when": "column_type"}.items():
        answer = await catalog.http.get(where, params={"target": target})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    sweeper = Sweeper(catalog.service.repositories[0], catalog.runtime.blobs, grace=-1)
    assert await sweeper.sweep() == 0
    assert await catalog.blobs() == kept
    await catalog.http.delete("/v1/datasets/penguins")
    assert await sweeper.sweep() == 4


async def test_estimators_by_their_qualified_names(catalog: Catalog) -> None:
    name = "sklearn.ensemble.AdaBoostClassifier"
    shown = (await catalog.http.get(f"/v1/algorithms/{name}")).json()
    rate = shown["parameters"]["classification"]["properties"]["learning_rate"]
    assert (rate["type"], rate["exclusiveMinimum"], rate["default"]) == ("number", 0.0, 1.0)
    listed = (await catalog.http.get("/v1/algorithms", params={"named": True, "limit": 500})).json()["items"]
    assert name in {one["name"] for one in listed}
    unknown = await catalog.http.get("/v1/algorithms/sklearn.ensemble.AdaBostClassifier")
    assert (unknown.status_code, unknown.json()["suggestions"][0]) == (404, name)


async def test_what_found_no_room_is_carried_in_later(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, refused = catalog.runtime.blobs, ["full"] * 2
    put = blobs.put_file

    async def full_at_first(*told: Any, **more: Any) -> Any:
        if refused:
            raise errors.StorageFull(refused.pop())
        return await put(*told, **more)

    monkeypatch.setattr(blobs, "put_file", full_at_first)
    monkeypatch.setattr(builtin, "_AGAIN", 0.0)
    assert catalog.service.ready is not None
    await catalog.service.ready()
    assert not refused
    there = await catalog.http.get("/v1/datasets")
    assert sorted(item["name"] for item in there.json()["items"]) == sorted(builtin.NAMES)
