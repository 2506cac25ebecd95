"""Kafka as the partitions of the event log: `PREFIX.state`, one partition for ever, and `PREFIX.calls`, by trace.

Batches are made here and sent one at a time to a partition: a record's events arrive as an ordered prefix whatever
happens, and a batch is there wholly or not at all. The producer is idempotent; one that fails is thrown away, because a
batch that has expired leaves it out of step with the broker, and whoever appends sends again (first of doubles counts).
"""

from __future__ import annotations

import asyncio
import logging as stdlib_logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import murmur2
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String

from common import errors, logging
from common.adapters.event_log.kafka_records import Encoded, encoded, received
from common.adapters.event_log.kafka_url import parsed
from common.adapters.event_log.partitions import Merge, Offsets, Partitions, Stored

_TIMEOUT = 5.0
"""Seconds that one answer of the cluster may take; a frozen broker answers never."""
_REQUEST = 4_000
"""The driver's own milliseconds for a request: less, so that its better message comes first."""
_BATCH = 900_000
"""Bytes of a batch: brokers take 1 MiB unless told otherwise."""
_FETCH = 2_000
"""Records that are decoded before others get a turn."""
_PIECE = 4 << 20
"""Bytes of a partition that are read at once."""
_EXISTS = 36
_log = logging.logger("event_log")


class KafkaPartitions(Partitions):
    """`kafka://USER:PASSWORD@HOST:PORT,…?prefix=NAME` (`kafka+tls:` with TLS); see `kafka_url`."""

    def __init__(self, url: str) -> None:
        self._url = parsed(url)
        self.name = self._url.prefix
        self._topics = {"state": f"{self.name}.state", "calls": f"{self.name}.calls"}
        self._appending, self._asking = asyncio.Lock(), asyncio.Lock()
        self._producer: Any = None
        self._watcher: Any = None
        self._count = 0
        self._open = False
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        # The driver logs every try to connect; what it means is said here.
        stdlib_logging.getLogger("aiokafka").setLevel(stdlib_logging.CRITICAL + 1)
        self._open = True
        try:
            async with self._driver():
                await self._declare()
                await self._live_producer()
                self._count = len(await self._producer.partitions_for(self._topics["calls"]))
        except BaseException:  # a cancellation too must leave no connection behind
            await self.close()
            raise

    async def close(self) -> None:
        self._open = False
        await self._drop_producer(gently=True)
        await self._drop_watcher()
        if self._leaving:
            await asyncio.wait(set(self._leaving))

    # Appending.

    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        sent = time.time_ns()
        records = [encoded(event, sent + place) for place, event in enumerate(events)]
        for record in records:
            if record.size > _BATCH:
                identifier = dict(record.headers)["ce_id"].decode()
                raise errors.Invalid(f"the event {identifier} has {record.size} bytes; the log takes {_BATCH}")
        async with self._driver(), self._appending:  # batches of two calls are not interleaved
            producer = await self._live_producer()
            lanes: dict[tuple[str, int], list[Encoded]] = {}
            for record in records:
                partition = 0 if record.topic == "state" else _partition(record.key, self._count)
                topic = self._topics["state" if record.topic == "state" else "calls"]
                lanes.setdefault((topic, partition), []).append(record)
            try:
                async with asyncio.TaskGroup() as group:
                    sent_all = [
                        group.create_task(self._send(producer, topic, partition, lane))
                        for (topic, partition), lane in lanes.items()
                    ]
                if any(one.cancelled() for one in sent_all):  # of which a group says nothing
                    raise kafka_errors.KafkaError("the driver gave a batch up")
            except BaseException as error:
                # Also after a time-out: what is on its way must not overtake what is sent next.
                await self._drop_producer()
                if isinstance(error, ExceptionGroup):
                    raise error.exceptions[0] from error
                raise

    async def _send(self, producer: Any, topic: str, partition: int, records: Sequence[Encoded]) -> None:
        rest = list(reversed(records))
        while rest:
            batch, size = producer.create_batch(), 0
            while rest and size + rest[-1].size <= _BATCH:
                record = rest.pop()
                size += record.size
                batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
            batch.close()
            confirmed = await producer.send_batch(batch, topic, partition=partition)
            await confirmed

    async def _live_producer(self) -> Any:
        self._require_open()
        if self._producer is None:
            producer = AIOKafkaProducer(
                acks="all", enable_idempotence=True, max_batch_size=1_000_000, **self._connection()
            )
            await self._started(producer)
            self._producer = producer
        return self._producer

    async def _drop_producer(self, *, gently: bool = False) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        if gently:
            with suppress(TimeoutError, kafka_errors.KafkaError):
                async with asyncio.timeout(1):
                    await producer.stop()
                return
        await _put_away(producer)

    # Reading.

    async def ends(self) -> dict[str, int]:
        return await self._offsets("end_offsets")

    async def starts(self) -> dict[str, int]:
        return await self._offsets("beginning_offsets")

    async def _offsets(self, question: str) -> dict[str, int]:
        async with self._driver(), self._asking:
            self._require_open()
            try:
                if self._watcher is None:
                    watcher = self._consumer()
                    await self._started(watcher)
                    self._watcher = watcher
                producer = self._producer or await self._produced()
                counts = {name: len(await producer.partitions_for(topic)) for name, topic in self._topics.items()}
                asked = [
                    TopicPartition(self._topics[name], partition)
                    for name, count in counts.items()
                    for partition in range(count)
                ]
                answer = await getattr(self._watcher, question)(asked)
            except BaseException:  # a cancelled question leaves the watcher in the middle of an answer
                await self._drop_watcher()
                raise
        return {self._named(place): offset for place, offset in answer.items()}

    async def _produced(self) -> Any:
        async with self._appending:
            return await self._live_producer()

    async def _drop_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            await _put_away(watcher)

    async def scan(self, begin: Offsets, end: Offsets) -> AsyncGenerator[list[Stored], None]:
        self._require_open()
        merge = Merge(list(end))
        for name in end:
            merge.feed(name, [], last=end[name] <= begin.get(name, 0))
        if not merge.starving:
            return
        consumer = self._consumer(auto_offset_reset="earliest", max_partition_fetch_bytes=_PIECE)
        async with self._driver():
            await self._started(consumer)
        try:
            async with self._driver():
                places = {name: self._place(name) for name in merge.starving}
                consumer.assign(list(places.values()))
                starts = await consumer.beginning_offsets(list(places.values()))
                for name, place in places.items():
                    first = max(begin.get(name, 0), starts[place])
                    merge.feed(name, [], last=end[name] <= first)
                    consumer.seek(place, first)
            while starving := [places[name] for name in merge.starving]:
                async with self._driver():
                    found = await consumer.getmany(*starving, timeout_ms=int(_TIMEOUT * 1000), max_records=_FETCH)
                    if not found:
                        raise TimeoutError
                for place, records in found.items():
                    self._feed(merge, self._named(place), records, end)
                if taken := merge.take():
                    yield taken
            if taken := merge.take():
                yield taken
        finally:
            await _put_away(consumer)

    def _feed(self, merge: Merge, name: str, records: Sequence[Any], end: Offsets) -> None:
        read: list[tuple[int, Stored]] = []
        for record in records:
            if record.offset >= end[name]:
                break
            event = received(record.headers, record.value)
            if event is None:
                _log.error("record is no event of ours, passed over", topic=record.topic, offset=record.offset)
            else:
                read.append((event.sent, Stored(name, record.offset, event.event)))
        merge.feed(name, read, last=records[-1].offset + 1 >= end[name])

    # Topics.

    async def check(self) -> Mapping[str, str | int]:
        admin = AIOKafkaAdminClient(**self._connection())
        async with self._driver():
            await self._started(admin)
        try:
            async with self._driver():
                _, counts = await self._described(admin)
                brokers = [broker["node_id"] for broker in (await admin.describe_cluster())["brokers"]]
                asked = _LogSizes([(topic, list(range(count))) for topic, count in counts.items()])
                answers = [await admin._send_request_to_node(broker, asked) for broker in brokers]
        finally:
            await _put_away(admin)
        folders = [folder for answer in answers for folder in answer.folders]
        size = sum(one[1] for folder in folders for topic in folder[2] for one in topic[1])
        return {"size": size, "topics": ", ".join(self._topics.values()), "servers": self._url.where}

    async def _declare(self) -> None:
        """Make the topics unless they are there. Raises `errors.Invalid` for some that would lose events."""
        admin = AIOKafkaAdminClient(**self._connection())
        await self._started(admin)
        try:
            answer = await admin.create_topics(self._wanted())
            for topic, code, *said in answer.topic_errors:
                if code not in (0, _EXISTS):
                    why = (said and said[0]) or kafka_errors.for_code(code).__name__
                    raise errors.Invalid(f"the topic {topic} cannot be made at {self._url.where}: {why}")
            self._accept(*await self._described(admin))
        finally:
            await _put_away(admin)

    async def _described(self, admin: Any) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
        """The settings of each topic and how many partitions it has."""
        topics = list(self._topics.values())
        while True:
            told = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics])
            resources = [resource for response in told for resource in response.resources]
            found = await admin.describe_topics(topics)
            if not any(resource[0] for resource in resources) and not any(topic["error_code"] for topic in found):
                settings = {resource[3]: {entry[0]: entry[1] for entry in resource[4]} for resource in resources}
                return settings, {topic["topic"]: len(topic["partitions"]) for topic in found}
            await asyncio.sleep(0.05)  # a topic that was just made is not known everywhere at once

    def _wanted(self) -> list[Any]:
        kept = {"cleanup.policy": "delete", "retention.bytes": "-1"}
        if self._url.replication >= 3:
            kept["min.insync.replicas"] = "2"
        calls = {**kept, "retention.ms": str(self._url.retention)}
        state = {**kept, "retention.ms": "-1"}
        topics = [
            NewTopic(self._topics["state"], 1, 1, topic_configs=state),
            NewTopic(self._topics["calls"], self._url.partitions, 1, topic_configs=calls),
        ]
        for topic in topics:
            topic.replication_factor = (
                self._url.replication
            )  # -1 is for the cluster to decide; the driver knows no such
        return topics

    def _accept(self, settings: Mapping[str, Mapping[str, str]], counts: Mapping[str, int]) -> None:
        for topic in self._topics.values():
            if "compact" in settings[topic].get("cleanup.policy", ""):
                raise self._refused(topic, "is compacted, which would remove history", "cleanup.policy=delete")
        state = self._topics["state"]
        if counts[state] != 1:
            raise self._refused(state, f"has {counts[state]} partitions, its order needs 1", "one partition")
        for limit in ("retention.ms", "retention.bytes"):
            if settings[state].get(limit) != "-1":
                raise self._refused(state, f"has {limit}={settings[state].get(limit)}, it is for ever", f"{limit}=-1")

    def _refused(self, topic: str, why: str, needs: str) -> errors.Invalid:
        return errors.Invalid(
            f"the topic {topic} at {self._url.where} {why}; give it {needs}, or choose other topics with ?prefix=NAME"
        )

    # The driver.

    def _connection(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": list(self._url.servers),
            "client_id": f"autolearn-{self.name}",
            "request_timeout_ms": _REQUEST,
            "metadata_max_age_ms": 60_000,
            **self._url.login,
        }

    async def _started(self, client: Any) -> None:
        """Start one of the driver's clients. Cancelled while it connects it would lose a connection: it never is."""
        starting = asyncio.ensure_future(client.start())
        try:
            await asyncio.shield(starting)
        except BaseException:  # who is cancelled here must leave no connection behind either
            leaving = asyncio.create_task(_left(client, starting))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            raise

    def _consumer(self, **more: Any) -> Any:
        return AIOKafkaConsumer(group_id=None, enable_auto_commit=False, **self._connection(), **more)

    def _named(self, place: TopicPartition) -> str:
        name = next(name for name, topic in self._topics.items() if topic == place.topic)
        return f"{name}-{place.partition}"

    def _place(self, name: str) -> TopicPartition:
        topic, _, partition = name.partition("-")
        return TopicPartition(self._topics[topic], int(partition))

    def _require_open(self) -> None:
        if not self._open:
            raise errors.Unavailable(f"the event log at {self._url.where} is not open")

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[None]:
        """Around calls of the driver: bounded in time, and what it raises becomes ours."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                yield
        except kafka_errors.CorruptRecordException as error:
            raise errors.IntegrityError(f"the event log at {self._url.where} holds a damaged record") from error
        except kafka_errors.UnknownTopicOrPartitionError as error:
            topics = ", ".join(self._topics.values())
            raise errors.Unavailable(
                f"the event log at {self._url.where} lacks one of its topics ({topics}); restore it, or restart to"
                " have it made anew"
            ) from error
        except (kafka_errors.KafkaError, OSError, TimeoutError, RuntimeError, AttributeError, AssertionError) as error:
            # The last three are the driver's own slips over a cluster that is just changing.
            why = str(error) or type(error).__name__
            raise errors.Unavailable(f"the event log at {self._url.where} does not answer: {why}") from error
        except asyncio.CancelledError as error:
            # The driver cancels what it waits for when it is closed; only a task that is being cancelled has to end.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise errors.Unavailable(f"the event log at {self._url.where} went away") from error


class _LogSizesAnswer(Response):  # type: ignore[misc]  # the driver has no types
    API_KEY, API_VERSION = 35, 1
    _PARTITION = ("partition", Int32), ("size", Int64), ("lag", Int64), ("moving", Boolean)
    _TOPIC = ("topic", String("utf-8")), ("partitions", Array(*_PARTITION))
    SCHEMA = Schema(
        ("throttled", Int32),
        ("folders", Array(("error_code", Int16), ("folder", String("utf-8")), ("topics", Array(*_TOPIC)))),
    )


class _LogSizesQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE = 35, 1, _LogSizesAnswer
    SCHEMA = Schema(("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))))


class _LogSizes(Request[_LogSizesQuestion]):  # type: ignore[misc]
    """DescribeLogDirs of Kafka's protocol: how large partitions are on one broker, which the driver cannot ask."""

    API_KEY = 35

    def __init__(self, partitions: Sequence[tuple[str, list[int]]]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_LogSizesQuestion]) -> _LogSizesQuestion:
        return request_struct_class(self._partitions)


def _partition(key: bytes, count: int) -> int:
    """Where Kafka's own clients would put this key."""
    return int((murmur2(key) & 0x7FFFFFFF) % count)


async def _left(client: Any, starting: asyncio.Future[None]) -> None:
    """Put a client away that nobody waits for any more, once it has started or cannot."""
    await asyncio.wait([starting], timeout=_TIMEOUT)
    if starting.cancel():
        await asyncio.wait([starting])
    await _put_away(client)


async def _put_away(client: Any) -> None:
    """Close one of the driver's clients, whatever the cluster does."""
    if isinstance(client, AIOKafkaProducer):
        # Stopping would wait for what cannot be sent: the connections go first, then who works on them.
        client._closed = True
        closings = [client.client.close, client._sender.close, client.client.close]
    elif isinstance(client, AIOKafkaConsumer):
        closings = [client.stop]
    else:
        closings = [client.close]
    for closing in closings:
        with suppress(TimeoutError, kafka_errors.KafkaError, OSError):
            async with asyncio.timeout(1):
                await closing()
