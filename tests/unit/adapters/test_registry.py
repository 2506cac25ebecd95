from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common import errors
from common.adapters import registry
from common.adapters.blob_store.folder import FolderBlobStore
from common.adapters.blob_store.s3 import S3BlobStore
from common.adapters.event_log.indexed import IndexedEventLog
from common.adapters.event_log.sqlite import SqliteEventLog
from common.adapters.message_bus.local import LocalMessageBus
from common.adapters.message_bus.rabbitmq import RabbitMessageBus
from common.adapters.record_store.mongo import MongoRecordStore
from common.adapters.record_store.sqlite import SqliteRecordStore


def test_each_scheme_has_its_adapter(tmp_path: Path) -> None:
    assert isinstance(registry.record_store(f"sqlite://{tmp_path}/a.db"), SqliteRecordStore)
    assert isinstance(registry.event_log(f"sqlite://{tmp_path}/a.db"), SqliteEventLog)
    assert isinstance(registry.message_bus("local:"), LocalMessageBus)
    assert isinstance(registry.blob_store(f"file://{tmp_path}"), FolderBlobStore)
    assert isinstance(registry.message_bus("amqps://user:secret@host/vhost?prefix=a"), RabbitMessageBus)
    for url in ("mongodb://user:secret@one:27017,two/db?replicaSet=rs", "mongodb://host?driver=pymongo"):
        assert isinstance(registry.record_store(url), MongoRecordStore)
    for url in ("s3://bucket/prefix", "s3+https://key:secret@host:7070/bucket"):
        assert isinstance(registry.blob_store(url), S3BlobStore)


def test_kafka_is_composed_with_the_record_store(tmp_path: Path) -> None:
    store = registry.record_store(f"sqlite://{tmp_path}/a.db")
    for url in ("kafka://user:secret@host:9092,other?prefix=a", "kafka+tls://host"):
        assert isinstance(registry.event_log(url, store), IndexedEventLog)


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "common.adapters.message_bus.rabbitmq", None)
    with pytest.raises(errors.Invalid, match=r"lacks .*autolearn\[cluster\]"):
        registry.message_bus("amqp://user:secret@host")


@pytest.mark.parametrize(
    ("build", "url", "said"),
    [
        (registry.record_store, "mongodb://user:secret@host/db?colour=red", "colour"),
        (registry.record_store, "mongodb://user:sec@ret:secret@host/db", "escaped"),
        (registry.record_store, "mongodb://user:secret@host:secret/db", "escaped"),
        (registry.record_store, "mongodb://user:secret@host/db?driver=sync", "motor or pymongo"),
        (registry.event_log, "kafka://user:secret@host", "needs a record store"),
        (registry.message_bus, "amqp://user:secret@host?colour=red", "colour"),
        (registry.blob_store, "s3+http://user:secret@host", "names no bucket"),
        (registry.record_store, "postgres://user:secret@host", "sqlite:"),
        (registry.blob_store, "", "file:"),
        (registry.record_store, "sqlite://host/secret.db", "three slashes"),
        (registry.record_store, "sqlite:relative-secret.db", "three slashes"),
    ],
)
def test_what_cannot_be_opened_is_told_without_its_secrets(build: Callable[[str], object], url: str, said: str) -> None:
    with pytest.raises(errors.Invalid, match=said) as caught:
        build(url)
    assert "secret" not in str(caught.value)
