"""Events as Kafka records, and what a URL says of a cluster; no cluster is needed."""

from __future__ import annotations

from typing import Any

import pytest

from common import errors
from common.adapters.event_log.kafka_records import encoded, received
from common.adapters.event_log.kafka_url import parsed

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "evt_1",
    "type": "autolearn.training.queued.v1",
    "source": "training",
    "subject": "trn_1",
    "sequence": 7,
    "time": "2026-11-28T19:30:00.000Z",
    "actor": "ada",
    "traceparent": f"00-{1:032x}-{2:016x}-01",
    "correlationid": f"{1:032x}",
    "causationid": "",
    "data": {"note": "żółw 🐢"},
}


def test_a_change_is_a_cloud_event_in_binary_mode() -> None:
    record = encoded(EVENT, 5)
    assert (record.topic, record.key, record.value) == ("state", b"trn_1", '{"note":"żółw 🐢"}'.encode())
    headers = dict(record.headers)
    assert headers["content-type"] == b"application/json"
    assert headers["traceparent"] == headers["ce_traceparent"] == EVENT["traceparent"].encode()
    for name in ("specversion", "id", "type", "source", "subject", "time", "actor", "correlationid", "causationid"):
        assert headers[f"ce_{name}"] == EVENT[name].encode()
    assert headers["ce_sequence"] == b"7"
    assert received(record.headers, record.value) == (5, EVENT)


def test_a_call_stands_with_its_trace() -> None:
    event = {**EVENT, "type": "autolearn.call.received.v1"}
    assert encoded(event, 1).key == f"{1:032x}".encode()
    assert encoded({**event, "traceparent": None}, 1).key == b"evt_1"


@pytest.mark.parametrize(
    "change",
    [
        {"causationid": None, "flag": True, "number": 1.5, "list": [{"a": 1}]},
        {"data": None},
        {"data": 2**63 - 1},
        {"sequence": "7"},
        {"Upper Case": "x", "ce_id": "y"},
    ],
)
def test_whatever_json_says_comes_back_as_it_was(change: dict[str, Any]) -> None:
    record = encoded({**EVENT, **change}, 1)
    assert received(record.headers, record.value) == (1, {**EVENT, **change})
    bare = {name: value for name, value in EVENT.items() if name != "data"}
    assert received(encoded(bare, 1).headers, None) == (1, bare)


@pytest.mark.parametrize("change", [{"id": ""}, {"actor": "\ud800"}, {"data": float("nan")}, {"data": {1, 2}}])
def test_what_is_no_event_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(errors.Invalid):
        encoded({**EVENT, **change}, 1)


@pytest.mark.parametrize("value", [b"{", b"\xff", b"null"])
def test_a_record_of_somebody_else_is_none(value: bytes) -> None:
    headers = encoded(EVENT, 1).headers
    assert received([], value) is None
    assert received([one for one in headers if one[0] != "ce_id"], value) is None
    assert received([(name, b"\xff" if name == "ce_actor" else told) for name, told in headers], value) is None


def test_a_url_names_servers_topics_and_login() -> None:
    told = parsed("kafka://us%40er:se%2Fcret@one:9093,[::1]?prefix=a.b&partitions=8&retention=2&mechanism=PLAIN")
    assert (told.servers, told.prefix, told.partitions, told.retention) == (
        ("one:9093", "[::1]:9092"),
        "a.b",
        8,
        172_800_000,
    )
    assert told.login["security_protocol"] == "SASL_PLAINTEXT"
    assert (told.login["sasl_plain_username"], told.login["sasl_plain_password"]) == ("us@er", "se/cret")
    assert "cret" not in repr(told)
    plain = parsed("kafka://one")
    assert (plain.prefix, plain.retention, plain.replication) == ("autolearn", -1, -1)
    assert plain.login == {"security_protocol": "PLAINTEXT"}
    assert parsed("kafka+tls://one").login["security_protocol"] == "SSL"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kafka://", "names no server"),
        ("kafka://user:secret@host:port", "names no server"),
        ("kafka://user:secret@host/topic", "no path"),
        ("kafka://user:secret@host?colour=red", "colour"),
        ("kafka://user:secret@host?prefix=a/b", "prefix"),
        ("kafka://user:secret@host?partitions=0", "partitions=0"),
        ("kafka://user:secret@host?mechanism=GSSAPI", "GSSAPI"),
        ("kafka://user:secret@host?ca=/x.pem", "tls"),
        ("kafka+tls://user:secret@host?ca=/nowhere.pem", "cannot be read"),
    ],
)
def test_a_wrong_url_is_refused_without_its_secret(url: str, said: str) -> None:
    with pytest.raises(errors.Invalid, match=said) as caught:
        parsed(url)
    assert "secret" not in str(caught.value)
