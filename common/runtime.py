"""The runtime of a process: adapters, lock, journal, relay and the one fork server, opened once and closed in reverse.

Bootstraps of services only wire what is here; tests open a runtime of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from fastapi import APIRouter, FastAPI

from common import errors, logging
from common.adapters import registry
from common.adapters.keyring.file import FileKeyring, new_ring
from common.adapters.task_runner.process import ProcessTaskRunner
from common.bells import Bells
from common.contracts.service import Readiness
from common.folder_lock import locked
from common.http.app import create_app
from common.http.client import ServiceClient
from common.http.services import Services
from common.journal import Journal
from common.notifier import Notifier
from common.ports.blob_store import BlobStore
from common.ports.event_log import EventLog
from common.ports.keyring import Keyring
from common.ports.message_bus import Delivery, MessageBus
from common.ports.record_store import Collection, RecordStore
from common.ports.task_runner import TaskRunner
from common.records import installation
from common.records.lifecycle import Lifecycle
from common.records.references import REVERSED
from common.records.relay import Relay
from common.records.repository import Repository
from common.settings import Settings

TASKS = (
    "catalog_service.tasks.parse:run",
    "catalog_service.tasks.convert:export",
    "catalog_service.tasks.convert:retype",
    "catalog_service.tasks.builtin:run",
    "catalog_service.tasks.explore:run",
    "catalog_service.tasks.estimators:run",
    "training_service.tasks.train:run",
    "evaluation_service.tasks.evaluate:run",
)
"""Everything that a child process may run."""
_MIN_FREE = 64 * 2**20
_NEVER = 86_400.0
_ANSWERS = 1.0
"""Seconds in which an engine must answer to count as there; readiness is asked for every few seconds."""
_log = logging.logger("runtime")


class Runtime:
    """What every service needs, open: see the attributes."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: RecordStore,
        log: EventLog,
        bus: MessageBus,
        blobs: BlobStore,
        tasks: TaskRunner,
        keyring: Keyring,
        journal: Journal,
    ) -> None:
        self.settings, self.store, self.log, self.bus, self.blobs = settings, store, log, bus, blobs
        self.tasks, self.keyring, self.journal = tasks, keyring, journal
        self.notifier = Notifier()
        self.bells = Bells(bus, journal)
        self.instance = secrets.token_hex(8)
        self.slots = asyncio.Semaphore(settings.slots)  # trainings and evaluations share the cores
        self.mode = "distributed" if settings.addresses else "embedded"
        token = settings.service_token
        self.service_token = token.get_secret_value() if token else secrets.token_urlsafe(32)
        self.collections: list[Collection] = []
        self.relay: Relay | None = None
        self.services = Services(settings.addresses, token=self.service_token, journal=journal)

    # What bootstraps call.

    def repository(self, collection: Collection, *, source: str, lifecycle: Lifecycle) -> Repository:
        """A repository whose events the relay of this process ships."""
        declared = Collection(collection.name, (*collection.indexes, (REVERSED,)), collection.unique)
        self.collections.append(declared)

        def written() -> None:
            if self.relay:
                self.relay.wake(declared.name)

        return Repository(self.store, collection=declared, source=source, lifecycle=lifecycle, written=written)

    def view(self, collection: Collection) -> Collection:
        """Declare a collection of a read model, which has no events."""
        self.collections.append(collection)
        return collection

    def app(
        self,
        name: str,
        *,
        title: str,
        routers: Sequence[APIRouter],
        ready: Callable[[], Awaitable[Readiness]] | None = None,
        services: Sequence[str] = (),
    ) -> FastAPI:
        """The REST application of a service, reachable for the others under its name."""
        app = create_app(
            name,
            title=title,
            routers=routers,
            journal=self.journal,
            secret=self.keyring.fingerprint("calls", b"").encode(),
            token=self.service_token,
            body_limit=self.settings.body_limit,
            deadline=self.settings.deadline,
            mode=self.mode,
            ready=ready or self.readiness,
            services=services,
        )
        self.services.add(name, app)
        return app

    def client(self, service: str, *, caller: str) -> ServiceClient:
        """The service `service` as `caller` sees it."""
        return self.services.client(service, caller=caller)

    async def ring(self, kind: str, **ids: str) -> None:
        """Ring a bell, and wake who waits here; a bell that cannot be rung is made up for by the sweep."""
        for identifier in ids.values():
            self.notifier.ring(identifier)
        await self.bells.ring(kind, ids)

    def listen(
        self, service: str, queue: str, kinds: Sequence[str], *, prefetch: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """The bells of these kinds as `service` hears them; see `MessageBus.subscribe`."""
        return self.bells.listen(service, queue, kinds, prefetch=prefetch)

    def rebuilt_path(self, name: str) -> Path:
        """Where the store called `name` is, in which records are rebuilt from the log."""
        return self.settings.data / "rebuilt" / f"{name}.db"

    def rebuilt_store(self, name: str) -> RecordStore:
        """That store, not open yet; it is made when it is opened."""
        path = self.rebuilt_path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return registry.record_store(f"sqlite://{path}")

    # What the process calls.

    async def start(self, *, sweeps: bool = True) -> None:
        """Declare all collections and start the relay; after the bootstraps, before the first request.

        With `sweeps` it looks for events that other processes have left behind, too.
        """
        if self.mode == "embedded":
            await installation.initialise(self.store)
        else:
            await installation.check(self.store)
        await self.store.ensure(*self.collections)
        names = [one.name for one in self.collections]
        self.relay = Relay(self.store, self.log, names, sweep=self.settings.sweep if sweeps else _NEVER)
        await self.relay.__aenter__()

    async def stop(self) -> None:
        """Stop the relay after shipping what it can, and let go of the clients."""
        if self.relay:
            await self.relay.__aexit__(None, None, None)
        await self.services.close()

    async def readiness(self) -> Readiness:
        """Whether a write would be taken: there is room, the journal has room, the store answers."""
        degraded = []
        ready = True
        if self.journal.behind or (self.relay and self.relay.behind):
            degraded.append("event log is away; events wait in their outboxes, calls in the journal")
        if self.journal.full:
            ready = False
            degraded.append("call journal is full")
        if shutil.disk_usage(self.settings.data).free < _MIN_FREE:
            ready = False
            degraded.append("disk is full")
        if _read_only(self.settings.data):
            ready = False
            degraded.append("disk is read-only; look at what the system says of it, for a disk with errors becomes so")
        store, bus, blobs = await asyncio.gather(
            *(_complaint(asked) for asked in (self._reach_store(), self.bus.reach(), self.blobs.reach()))
        )
        if store:
            ready = False
            degraded.append(f"record store: {store}")
        if bus:
            degraded.append(f"message bus is away; work is found by looking for it, a little later: {bus}")
        if blobs:
            degraded.append(f"blob store is away; jobs wait for it: {blobs}")
        return Readiness(ready=ready, degraded=degraded)

    async def _reach_store(self) -> None:
        if self.collections:
            await self.store.get(self.collections[0].name, "none")


async def _complaint(asked: Awaitable[None]) -> str:
    """Why an engine cannot be used; nothing if it answers, which it has to do in a moment."""
    try:
        async with asyncio.timeout(_ANSWERS):
            await asked
    except TimeoutError:
        return f"no answer in {_ANSWERS:g} s"
    except errors.AutoLearnError as error:
        return error.detail
    return ""


def _read_only(folder: Path) -> bool:
    """Whether the file system takes no writes, as Linux makes one on which it finds errors."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def master_keys(path: Path) -> Keyring:
    """The ring of master keys in a file. Raises `errors.NotFound`, `errors.IntegrityError`."""
    if not path.is_file():
        raise errors.NotFound(f"there is no {path}; name the file of the master keys")
    return FileKeyring(path)


@contextlib.asynccontextmanager
async def open_runtime(settings: Settings, *, functions: Sequence[str] = TASKS) -> AsyncIterator[Runtime]:
    """A runtime on the data folder of `settings`, whose children may run `functions`; without any there are none.

    Raises `errors.Conflict` when another process has the folder, `errors.Unavailable` when it cannot be written,
    `errors.StorageFull` when there is no room, `errors.IntegrityError` when what is there cannot be opened.
    """
    logging.ensure()
    data = settings.data.expanduser().absolute()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(locked(data))
        if shutil.disk_usage(data).free < _MIN_FREE:
            raise errors.StorageFull(f"the disk of {data} is full: less than {_MIN_FREE >> 20} MiB are free")
        # The fork server first, before this process holds any secret that a child could inherit.
        tasks: TaskRunner = ProcessTaskRunner(data / "work", functions=functions, preload=_preload(functions))
        if functions:
            await stack.enter_async_context(tasks)
        store = await stack.enter_async_context(
            registry.record_store(settings.record_store or f"sqlite://{data / 'records.db'}")
        )
        log = await stack.enter_async_context(
            registry.event_log(settings.event_log or f"sqlite://{data / 'events.db'}", store)
        )
        bus = await stack.enter_async_context(registry.message_bus(settings.message_bus))
        blobs = await stack.enter_async_context(registry.blob_store(settings.blob_store or f"file://{data / 'blobs'}"))
        master = settings.master_key or data / "master.key"
        if not master.exists() and settings.addresses:
            raise errors.IntegrityError(
                f"there is no {master}: `autolearn admin init` makes it, once for all processes"
            )
        if not master.exists() and await log.last_position():
            raise errors.IntegrityError(f"there is data but no master key; restore {master} from your backup")
        keyring = FileKeyring(master)
        journal = await stack.enter_async_context(Journal(data / "journal", log, limit=settings.journal_limit))
        runtime = Runtime(
            settings.model_copy(update={"data": data}),
            store=store,
            log=log,
            bus=bus,
            blobs=blobs,
            tasks=tasks,
            keyring=keyring,
            journal=journal,
        )
        stack.push_async_callback(runtime.stop)
        yield runtime


def new_master_key() -> str:
    """The text of a file of master keys with one new random key."""
    return new_ring()


def _preload(functions: Sequence[str]) -> tuple[str, ...]:
    return (*dict.fromkeys(name.partition(":")[0] for name in functions), "common.learning.rehearsal:rehearse")
