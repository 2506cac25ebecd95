"""From a URL to an adapter, by its scheme: one explicit map a port. Nothing is imported by a name from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from common import errors
from common.adapters.blob_store.folder import FolderBlobStore
from common.adapters.event_log.indexed import IndexedEventLog
from common.adapters.event_log.sqlite import SqliteEventLog
from common.adapters.message_bus.local import LocalMessageBus
from common.adapters.record_store.sqlite import SqliteRecordStore
from common.ports.blob_store import BlobStore
from common.ports.event_log import EventLog
from common.ports.message_bus import MessageBus
from common.ports.record_store import RecordStore

Adapter = TypeVar("Adapter")


def _path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise errors.Invalid(f"{parts.scheme}: needs an absolute path behind three slashes, {parts.scheme}:///path")
    return Path(unquote(parts.path))


def _mongo(url: str) -> RecordStore:
    with _drivers():
        from common.adapters.record_store.mongo import MongoRecordStore
    return MongoRecordStore(url)


def _rabbit(url: str) -> MessageBus:
    with _drivers():
        from common.adapters.message_bus.rabbitmq import RabbitMessageBus
    return RabbitMessageBus(url)


def _bucket(url: str) -> BlobStore:
    with _drivers():
        from common.adapters.blob_store.s3 import S3BlobStore
    return S3BlobStore(url)


def _kafka(url: str, store: RecordStore | None) -> EventLog:
    if store is None:
        raise errors.Invalid("kafka: cannot look anything up, and needs a record store for its index")
    with _drivers():
        from common.adapters.event_log.kafka import KafkaPartitions
    return IndexedEventLog(KafkaPartitions(url), store)


@contextmanager
def _drivers() -> Iterator[None]:
    """Around the import of an adapter whose driver a laptop's installation lacks."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise errors.Invalid(
            f"this installation lacks {error.name}, a driver of the distributed mode;"
            " install it with pip install 'autolearn[cluster]'"
        ) from error


_RECORD_STORES: Mapping[str, Callable[[str], RecordStore]] = {
    "sqlite": lambda url: SqliteRecordStore(_path(url)),
    "mongodb": _mongo,
    "mongodb+srv": _mongo,
}
_EVENT_LOGS: Mapping[str, Callable[[str, RecordStore | None], EventLog]] = {
    "sqlite": lambda url, store: SqliteEventLog(_path(url)),
    "kafka": _kafka,
    "kafka+tls": _kafka,
}
_MESSAGE_BUSES: Mapping[str, Callable[[str], MessageBus]] = {
    "local": lambda _: LocalMessageBus(),
    "amqp": _rabbit,
    "amqps": _rabbit,
}
_BLOB_STORES: Mapping[str, Callable[[str], BlobStore]] = {
    "file": lambda url: FolderBlobStore(_path(url)),
    "s3": _bucket,
    "s3+http": _bucket,
    "s3+https": _bucket,
}


def record_store(url: str) -> RecordStore:
    """A record store that is not open yet: `sqlite:///path/of/file`, or MongoDB (`mongodb://user:password@host/db`)."""
    return _built("record store", _RECORD_STORES, url)


def event_log(url: str, store: RecordStore | None = None) -> EventLog:
    """An event log that is not open yet: `sqlite:///path/of/file`, or Kafka (`kafka://user:password@host:port`).

    `store`, which is open when the log is opened and is closed after it, takes the index of a log that has none.
    """
    adapters = {name: partial(_with_store, build, store) for name, build in _EVENT_LOGS.items()}
    return _built("event log", adapters, url)


def _with_store(build: Callable[[str, RecordStore | None], EventLog], store: RecordStore | None, url: str) -> EventLog:
    return build(url, store)


def message_bus(url: str) -> MessageBus:
    """A message bus that is not open yet: `local:`, or RabbitMQ (`amqp://user:password@host/vhost`)."""
    return _built("message bus", _MESSAGE_BUSES, url)


def blob_store(url: str) -> BlobStore:
    """A blob store that is not open yet: `file:///path/of/folder`, or a bucket (`s3://bucket`, `s3+http://…`)."""
    return _built("blob store", _BLOB_STORES, url)


def _built(port: str, adapters: Mapping[str, Callable[[str], Adapter]], url: str) -> Adapter:
    scheme = urlsplit(url).scheme
    if scheme in adapters:
        return adapters[scheme](url)
    known = ", ".join(f"{name}:" for name in sorted(adapters))
    # The rest of the URL may hold a password: only its scheme is shown.
    raise errors.Invalid(f"{scheme or 'a URL without scheme'}: is no {port} that AutoLearn knows; use one of {known}")
