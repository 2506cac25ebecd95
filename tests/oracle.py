"""The oracle: whether a data folder keeps what promises.md says, looked at from outside, after whatever has happened.

It opens the files itself and shares with the program only what defines right: the lifecycles, the event digest, and
the formats of keys, tokens and frames. O6, other people's p99 under load, is a figure and no invariant of a folder:
`benchmarks/` measures it.

A *settled* folder is one whose jobs had time to end; without that only what must hold at every moment is asked (O1:
never two ends). The names of files and tables are those of the embedded adapters.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import psutil

import catalog_service.model
import evaluation_service.model
import session_service.model
import storage_service.model
import training_service.model
from common import errors, ids
from common.adapters.keyring.file import FileKeyring
from common.contracts.jobs import JobState
from common.records import frames
from common.records.event import canonical, digest, name_of
from common.records.lifecycle import Lifecycle
from common.records.sealing import DataKey

JOBS = {"training", "evaluation"}
IN_CLEAR = {"record_experiment_summaries"}
"""The one place in which what people filter experiments by may be read (architecture.md §7)."""
_MODELS = (
    catalog_service.model,
    evaluation_service.model,
    session_service.model,
    storage_service.model,
    training_service.model,
)
_OPEN = {JobState.queued.value, JobState.running.value, JobState.cancelling.value}
_ENDS = {"succeeded", "failed", "cancelled"}
_SHORT = 12  # bytes; what is shorter is found everywhere by chance


@dataclass(frozen=True)
class Finding:
    """One thing that is not as promised: which point of the oracle, about what, and what was seen."""

    point: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.point} {self.subject}: {self.detail}"


@dataclass
class Row:
    """One record as its row says."""

    table: str
    id: str
    version: int
    head: str
    state: dict[str, Any]
    envelope: dict[str, Any]
    outbox: list[dict[str, Any]]
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What kind of record it is, by its first event: `training`, `session`."""
        return name_of(self.events[0]).partition(".")[0] if self.events else ""


def oracle(
    data: Path,
    canaries: Iterable[bytes] = (),
    *,
    settled: bool = True,
    url: str | None = None,
    logs: Iterable[Path] = (),
    processes: Iterable[psutil.Process] = (),
) -> None:
    """Raise `AssertionError` with everything that the platform of `data` does not keep; see `findings`."""
    found = findings(data, canaries, settled=settled, url=url, logs=logs, processes=processes)
    assert not found, "the oracle found:\n" + "\n".join(f"  {one}" for one in found)


def findings(
    data: Path,
    canaries: Iterable[bytes] = (),
    *,
    settled: bool = True,
    url: str | None = None,
    logs: Iterable[Path] = (),
    processes: Iterable[psutil.Process] = (),
) -> list[Finding]:
    """What is not as promised in this folder.

    `canaries` are confidential bytes that went in. `url` is the platform's address if it runs, `processes` are those
    that belonged to one that has stopped, `logs` further files that took its words.
    """
    records = read(data, running=url is not None)
    keys = Keyring(data, records)
    return [
        *one_end_each(records, settled=settled),
        *histories_hold(data, records),
        *artifacts_are_there(data, records, keys),
        *nothing_left(data, records, running=url is not None, settled=settled, processes=processes),
        *nothing_in_clear(data, keys, canaries, logs),
        *(answers_truly(url) if url else ()),
    ]


def read(data: Path, *, running: bool = False) -> list[Row]:
    """Every record with its whole history: what the log has of it, and what waits in its outbox.

    Records first, for an event leaves its outbox only when the log has it. What a `running` platform has written since
    is left for later.
    """
    found = []
    for table in _tables(data / "records.db"):
        sql = f"SELECT id, version, head, state, envelope, outbox FROM {table} WHERE version > 0"
        for identifier, version, head, state, envelope, outbox in _rows(data / "records.db", sql):
            parsed = (json.loads(state), json.loads(envelope), json.loads(outbox))
            found.append(Row(table, identifier, version, head, *parsed))
    logged: dict[str, dict[int, dict[str, Any]]] = {}
    for (body,) in _rows(data / "events.db", "SELECT body FROM event WHERE kind = 'state' ORDER BY arrival"):
        event = json.loads(body)
        logged.setdefault(event["subject"], {}).setdefault(event["sequence"], event)
    for row in found:
        history = {event["sequence"]: event for event in row.outbox} | logged.pop(row.id, {})
        row.events = [history[number] for number in sorted(history) if number <= row.version or not running]
    for subject, history in logged.items() if not running else ():
        found.append(Row("", subject, 0, "", {}, {}, [], [history[number] for number in sorted(history)]))
    return found


def one_end_each(records: Sequence[Row], *, settled: bool) -> Iterator[Finding]:
    """O1: every accepted job has exactly one terminal state."""
    for row in records:
        if row.kind not in JOBS:
            continue
        ends = [name for event in row.events if (name := name_of(event).partition(".")[2]) in _ENDS]
        if len(ends) > 1:
            yield Finding("O1", row.id, f"has {len(ends)} ends: {', '.join(ends)}")
        if settled and not ends:
            yield Finding("O1", row.id, f"never ended; it is {row.state.get('state')}")
        if ends and row.state and row.state["state"] != ends[0]:
            yield Finding("O1", row.id, f"ended {ends[0]} and is {row.state['state']}")


def histories_hold(data: Path, records: Sequence[Row]) -> Iterator[Finding]:
    """O2: fold(events) equals the stored state; versions 1..n without a gap, in one hash chain."""
    for row in records:
        if not row.table:
            yield Finding("O2", row.id, f"the log has {len(row.events)} events of it, the store has no record")
            continue
        try:
            yield from _history_holds(row)
        except (errors.Conflict, LookupError, TypeError, ValueError) as error:
            yield Finding("O2", row.id, f"its events cannot be folded: {error}")
    for path in (data / "records.db", data / "events.db"):
        for (said,) in _rows(path, "PRAGMA quick_check"):
            if said != "ok":
                yield Finding("O2", path.name, str(said))


def _history_holds(row: Row) -> Iterator[Finding]:
    if [event["sequence"] for event in row.events] != list(range(1, row.version + 1)):
        numbers = [event["sequence"] for event in row.events]
        yield Finding("O2", row.id, f"is at version {row.version}, its events are {numbers}")
        return
    lifecycle = _lifecycle(row)
    state: dict[str, Any] | None = None
    previous = ""
    for event in row.events:
        if event["prevhash"] != previous:
            yield Finding("O2", row.id, f"event {event['sequence']} does not follow from the one before it")
        if event["id"] != ids.derived_id("evt", row.id, event["sequence"]):
            yield Finding("O2", row.id, f"event {event['sequence']} has the id of another event")
        state, previous = lifecycle.fold(state, event), digest(event)
    if previous != row.head:
        yield Finding("O2", row.id, "its last event is not the one that it names")
    if canonical(state) != canonical(row.state):
        yield Finding("O2", row.id, "its state is not what its events lead to")


def _lifecycle(row: Row) -> Lifecycle:
    known = [value for model in _MODELS for value in vars(model).values() if isinstance(value, Lifecycle)]
    return next(one for one in known if one.allows(None, name_of(row.events[0])))


class Keyring:
    """The keys of a data folder, opened with its master key: what an attacker of the oracle's strength would want."""

    def __init__(self, data: Path, records: Sequence[Row]) -> None:
        self.master = [key.encode() for key in json.loads((data / "master.key").read_text())["keys"]]
        ring = FileKeyring(data / "master.key")
        self.data: dict[str, DataKey] = {}
        for row in records:
            if "wrapped" in row.envelope:
                owner = row.state["owner"]
                self.data[owner] = DataKey(owner, ring.unwrap(row.envelope["wrapped"], owner=owner))

    def secrets(self) -> Iterator[bytes]:
        """Every key in the forms in which it could be written down."""
        yield from self.master
        for key in self.data.values():
            yield from (key.secret, base64.b64encode(key.secret), base64.urlsafe_b64encode(key.secret))


def artifacts_are_there(data: Path, records: Sequence[Row], keys: Keyring) -> Iterator[Finding]:
    """O3: one artifact per succeeded training, in its job or in its experiment, and its digest matches."""
    by_id = {row.id: row for row in records}
    for row in records:
        if row.kind != "training" or row.state.get("state") != "succeeded" or row.state.get("removed"):
            continue
        holder, owner = row, str(row.state.get("session"))
        if experiment := row.state.get("experiment"):
            if experiment not in by_id:
                yield Finding("O3", row.id, f"its experiment {experiment} is not there")
                continue
            holder, owner = by_id[experiment], experiment
            if holder.state["training"] != row.id:
                yield Finding("O3", row.id, f"its experiment {experiment} is that of {holder.state['training']}")
        if owner not in keys.data:
            yield Finding("O3", row.id, f"the key of {owner} is not there")
            continue
        try:
            told, found = _artifact(data, row.id, holder, keys.data[owner])
        except (errors.AutoLearnError, OSError, LookupError) as error:
            yield Finding("O3", row.id, f"its artifact cannot be opened: {error}")
            continue
        if told != found:
            yield Finding("O3", row.id, f"its artifact has the digest {found}, and should have {told}")


def _artifact(data: Path, job: str, holder: Row, key: DataKey) -> tuple[str, str]:
    sealed, blobs = holder.state["sealed"], holder.state["blobs"]
    attempt = base64.b64decode(key.open(job, "attempt_key", sealed["attempt_key"]))
    result = key.open(job, "result", sealed["result"])
    if "$blob" in result:
        with (data / "blobs" / result["$blob"]).open("rb") as source:
            result = json.loads(frames.open_bytes(source, attempt, result["$blob"]))
    found = hashlib.sha256()
    with (data / "blobs" / blobs["artifact"]).open("rb") as source:
        for frame in frames.open_frames(source, attempt, blobs["artifact"]):
            found.update(frame)
    return result["artifact"]["digest"], f"sha256:{found.hexdigest()}"


def nothing_left(
    data: Path, records: Sequence[Row], *, running: bool, settled: bool, processes: Iterable[psutil.Process]
) -> Iterator[Finding]:
    """O4: no child without its platform, no temporary file, no lease, once there was time to clear up."""
    for process in processes:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            yield Finding("O4", f"process {process.pid}", f"outlives its platform: {process.name()}")
    if not running:
        for process in _users_of(data):
            yield Finding("O4", f"process {process.pid}", f"still uses {data}: {process.name()}")
    if settled or not running:
        for row in records:
            if row.envelope.get("lease") and (settled or row.state.get("state") not in _OPEN):
                yield Finding("O4", row.id, f"has a lease until {row.envelope['lease'].get('until')}")
        for folder in ("work", "uploads"):
            for path in sorted((data / folder).glob("*")):
                yield Finding("O4", str(path.relative_to(data)), "was left behind")
    for path in sorted((data / "blobs").rglob(".unfinished-*")):
        yield Finding("O4", str(path.relative_to(data)), "was begun and never finished")


def _users_of(data: Path) -> Iterator[psutil.Process]:
    """Processes that run in the folder, have a file of it open, or were started for it; not this one."""
    inside = f"{data.resolve()}{os.sep}"
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            places = [process.cwd(), *(opened.path for opened in process.open_files())]
            if any(f"{place}{os.sep}".startswith(inside) for place in places):
                yield process
        except psutil.Error:
            continue  # ended meanwhile, or somebody else's


def nothing_in_clear(data: Path, keys: Keyring, canaries: Iterable[bytes], logs: Iterable[Path]) -> Iterator[Finding]:
    """O5: nothing confidential and no key in any file of the platform, nor in what it says."""
    wanted = {form: canary for canary in canaries for form in forms(canary)}
    public = _text_of(data / "records.db", only=IN_CLEAR)
    files = [path for path in sorted(data.rglob("*")) if path.is_file() and not path.is_symlink()]
    for path in [*files, *logs]:
        content = path.read_bytes()
        name = str(path.relative_to(data)) if path.is_relative_to(data) else str(path)
        # In the file of the records the searchable summary is allowed to lie; what is in it is looked for by table.
        allowed = public if name.startswith("records.db") else b""
        for form, canary in wanted.items():
            if form in content and form not in allowed:
                yield Finding("O5", name, f"holds {canary!r} in clear")
        if name != "master.key":
            for secret in keys.secrets():
                if secret in content:
                    yield Finding("O5", name, "holds a key")
    for name, skipped in (("records.db", IN_CLEAR), ("events.db", set[str]())):
        text = _text_of(data / name, without=skipped)
        for form, canary in wanted.items():
            if form in text:
                yield Finding("O5", name, f"holds {canary!r} in clear")


def forms(canary: bytes) -> set[bytes]:
    """What a confidential value looks like when it was only encoded: as it is, as JSON, in base64, in hex, hashed."""
    if len(canary) < _SHORT:
        raise ValueError(f"a canary has at least {_SHORT} bytes; {canary!r} would be found by chance")
    shifted = (base64.b64encode(b"\0" * shift + canary) for shift in range(3))
    # The first and last characters depend on the neighbours: only what lies between is the canary's own.
    inner = {coded[4 : len(coded) // 4 * 4 - 4] for coded in shifted}
    escaped = json.dumps(canary.decode())[1:-1].encode()
    return {canary, escaped, *inner, canary.hex().encode(), hashlib.sha256(canary).hexdigest().encode()}


def answers_truly(url: str) -> Iterator[Finding]:
    """O7: it says that it lives, and that it is ready exactly when a write is taken."""
    if (status := _status(f"{url}/livez")) != 200:
        yield Finding("O7", "/livez", f"answers {status}")
    ready = _status(f"{url}/readyz")
    # Opening a session is the smallest write there is.
    taken = _status(f"{url}/v1/sessions", b"{}")
    if (ready == 200) != (taken == 201):
        yield Finding("O7", "/readyz", f"answers {ready}, and a write is answered {taken}")


def _status(url: str, body: bytes | None = None) -> int:
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def _rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    # Not immutable: a running platform, or one that was killed, has its newest writes in the WAL.
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(5_000)
        return list(connection.execute(sql))
    finally:
        connection.close()


def _tables(path: Path) -> list[str]:
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'record\\_%' ESCAPE '\\' ORDER BY name"
    return [name for (name,) in _rows(path, sql)]


def _text_of(path: Path, *, only: set[str] | None = None, without: Iterable[str] = ()) -> bytes:
    """Every text of the tables of a file: a long one is scattered over pages and no scan of bytes finds it."""
    tables = [name for (name,) in _rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    chosen = [name for name in tables if (only is None or name in only) and name not in set(without)]
    texts: list[str] = []
    for table in chosen:
        for row in _rows(path, f"SELECT * FROM {table}"):
            texts.extend(value for value in row if isinstance(value, str))
    return "\n".join(texts).encode()


def states(data: Path) -> Mapping[str, str]:
    """The state of every record by its id."""
    return {row.id: str(row.state.get("state")) for row in read(data)}
