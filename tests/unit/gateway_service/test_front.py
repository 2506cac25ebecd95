"""The one door: who may knock, who answers, and what every answer carries."""

from __future__ import annotations

import pytest

from tests.unit.gateway_service.conftest import World


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8470", "LOCALHOST", "[::1]:99"])
async def test_known_hosts(world: World, host: str) -> None:
    assert (await world.http.get("/livez", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1", "evil.example:8470"]
)
async def test_unknown_hosts(world: World, host: str) -> None:
    answer = await world.http.get(
        "/v1/trainings", headers={"host": host, "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["traceparent"].startswith(f"00-{'a' * 32}-")


@pytest.mark.parametrize(
    "path", ["/internal/records:verify", "//internal/x", "/INTERNAL/x", "/internal", "/%69nternal/x"]
)
async def test_internal_routes_are_not_there_even_with_the_token(world: World, path: str) -> None:
    answer = await world.http.post(
        f"http://127.0.0.1{path}", headers={"authorization": f"Bearer {world.runtime.service_token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/datasets", "catalog"),
        ("/v1/datasets/x/content", "catalog"),
        ("/v1/algorithms/svm", "catalog"),
        ("/v1/measures", "catalog"),
        ("/v1/trainings/x:cancel", "training"),
        ("/v1/evaluations", "evaluation"),
        ("/v1/sessions/x", "session"),
        ("/v1/experiments:compare", "storage"),
        ("/v1/experimentsfoo", "gateway"),
        ("/v1/log/events", "gateway"),
        ("/", "gateway"),
    ],
)
def test_paths_find_their_service(world: World, path: str, service: str) -> None:
    assert world.front.service_of(path) == service


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/datasets/x", 404),
        ("PUT", "/v1/trainings", 405),
        ("POST", "/docs", 405),
    ],
)
async def test_refusals_are_problem_documents_with_security_headers(
    world: World, method: str, path: str, status: int
) -> None:
    answer = await world.http.request(method, path, headers={"origin": "http://evil.example"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    assert answer.json()["instance"] == path


async def test_health_and_info_speak_for_all(world: World) -> None:
    assert (await world.http.get("/readyz")).json() == {"ready": True, "degraded": []}
    info = (await world.http.get("/v1/info")).json()
    assert info["service"] == "gateway"
    assert info["services"] == ["catalog", "training", "evaluation", "session", "storage"]


async def test_one_document_of_all_routes(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    assert {"/v1/jobs", "/v1/trainings", "/v1/log:verify", "/livez"} <= set(document["paths"])
    assert not [path for path in document["paths"] if path.startswith("/internal")]
    assert "Rebuilt" not in document["components"]["schemas"]
    assert "Verification" in document["components"]["schemas"]
    page = await world.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/v1/log/events" in page.text
    assert "http" not in page.text.replace("https", "http").replace('charset="utf-8"', "").split("<h1>")[0]


async def test_who_opens_the_door_in_a_browser_is_shown_what_is_there(world: World) -> None:
    answer = await world.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_head_is_answered_as_get_is(world: World) -> None:
    assert (await world.http.head("/v1/trainings")).status_code == (await world.http.get("/v1/trainings")).status_code


async def test_what_is_possible_at_a_path_is_named(world: World) -> None:
    answer = await world.http.delete("/v1/trainings")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
