"""The oracle: whether a platform keeps what promises.md says, looked at from outside, after whatever has happened.

It reads the place itself (tests/places.py) and shares with the program only what defines right: the lifecycles, the
event digest, and the formats of keys, tokens and frames. O6, other people's p99 under load, is a figure and no
invariant of a place: `benchmarks/` measures it.

A *settled* place is one whose jobs had time to end; without that only what must hold at every moment is asked (O1:
never two ends).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from tests.places import Folder, Place, Row

JOBS = {"training", "evaluation", "search"}
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


def oracle(
    place: Place | Path,
    canaries: Iterable[bytes] = (),
    *,
    settled: bool = True,
    url: str | None = None,
    logs: Iterable[Path] = (),
    processes: Iterable[psutil.Process] = (),
) -> None:
    """Raise `AssertionError` with everything that the platform of `place` does not keep; see `findings`."""
    found = findings(place, canaries, settled=settled, url=url, logs=logs, processes=processes)
    assert not found, "the oracle found:\n" + "\n".join(f"  {one}" for one in found)


def findings(
    place: Place | Path,
    canaries: Iterable[bytes] = (),
    *,
    settled: bool = True,
    url: str | None = None,
    logs: Iterable[Path] = (),
    processes: Iterable[psutil.Process] = (),
) -> list[Finding]:
    """What is not as promised in this place, or data folder.

    `canaries` are confidential bytes that went in. `url` is the platform's address if it runs, `processes` are those
    that belonged to one that has stopped, `logs` further files that took its words.
    """
    place = Folder(place) if isinstance(place, Path) else place
    records = read(place, running=url is not None)
    keys = Keyring(place, records)
    return [
        *one_end_each(records, settled=settled),
        *trials_belong(records, settled=settled),
        *histories_hold(place, records),
        *artifacts_are_there(place, records, keys),
        *nothing_left(place, records, running=url is not None, settled=settled, processes=processes),
        *nothing_in_clear(place, keys, canaries, logs),
        *(answers_truly(url) if url else ()),
    ]


def read(place: Place, *, running: bool = False) -> list[Row]:
    """Every record with its whole history: what the log has of it, and what waits in its outbox.

    Records first, for an event leaves its outbox only when the log has it. What a `running` platform has written since
    is left for later.
    """
    found = list(place.rows())
    logged: dict[str, dict[int, dict[str, Any]]] = {}
    for event in place.events():
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


def trials_belong(records: Sequence[Row], *, settled: bool) -> Iterator[Finding]:
    """O1 of searches: every trial has its place in one, and what a search says of it is so."""
    searches = {row.id: row for row in records if row.kind == "search" and row.state}
    trials = {row.id: row for row in records if row.kind == "training" and row.state and "search" in row.state}
    for row in trials.values():
        search = searches.get(row.state["search"])
        place = (row.state["search"], row.state["rung"], row.state["trial"])
        if search is None:
            yield Finding("O1", row.id, f"its search {row.state['search']} is not there")
        elif row.id != ids.derived_id("trn", *place):
            yield Finding("O1", row.id, f"has not the id of trial {place}")
        elif settled and row.state["state"] in _OPEN and search.state["state"] not in _OPEN:
            yield Finding("O1", row.id, f"is {row.state['state']}, its search {search.state['state']}")
    for row in searches.values():
        for number, rung in enumerate(row.state["rungs"]):
            for at, letter in enumerate(rung["outcomes"]):
                trial = trials.get(ids.derived_id("trn", row.id, number, rung.get("going", range(at + 1))[at]))
                if letter == "." and settled and trial is not None:
                    yield Finding("O1", row.id, f"does not know how {trial.id} ended")
                elif letter != "." and (trial is None or trial.state["state"][0] != letter):
                    yield Finding("O1", row.id, f"says {letter} of trial {at} in rung {number}, which is not so")


def histories_hold(place: Place, records: Sequence[Row]) -> Iterator[Finding]:
    """O2: fold(events) equals the stored state; versions 1..n without a gap, in one hash chain."""
    for row in records:
        if not row.table:
            yield Finding("O2", row.id, f"the log has {len(row.events)} events of it, the store has no record")
            continue
        try:
            yield from _history_holds(row)
        except (errors.Conflict, LookupError, TypeError, ValueError) as error:
            yield Finding("O2", row.id, f"its events cannot be folded: {error}")
    for name, said in place.damages():
        yield Finding("O2", name, said)


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
    """The keys of a place, opened with its master key: what an attacker of the oracle's strength would want."""

    def __init__(self, place: Place, records: Sequence[Row]) -> None:
        self.master = [key.encode() for key in json.loads(place.master.read_text())["keys"]]
        ring = FileKeyring(place.master)
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


def artifacts_are_there(place: Place, records: Sequence[Row], keys: Keyring) -> Iterator[Finding]:
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
            told, found = _artifact(place, row.id, holder, keys.data[owner])
        except (errors.AutoLearnError, OSError, LookupError) as error:
            yield Finding("O3", row.id, f"its artifact cannot be opened: {error}")
            continue
        if told != found:
            yield Finding("O3", row.id, f"its artifact has the digest {found}, and should have {told}")


def _artifact(place: Place, job: str, holder: Row, key: DataKey) -> tuple[str, str]:
    sealed, blobs = holder.state["sealed"], holder.state["blobs"]
    attempt = base64.b64decode(key.open(job, "attempt_key", sealed["attempt_key"]))
    result = key.open(job, "result", sealed["result"])
    if "$blob" in result:
        with place.blob(result["$blob"]) as source:
            result = json.loads(frames.open_bytes(source, attempt, result["$blob"]))
    found = hashlib.sha256()
    with place.blob(blobs["artifact"]) as source:
        for frame in frames.open_frames(source, attempt, blobs["artifact"]):
            found.update(frame)
    return result["artifact"]["digest"], f"sha256:{found.hexdigest()}"


def nothing_left(
    place: Place, records: Sequence[Row], *, running: bool, settled: bool, processes: Iterable[psutil.Process]
) -> Iterator[Finding]:
    """O4: no child without its platform, no temporary file, no lease, once there was time to clear up."""
    for process in processes:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            yield Finding("O4", f"process {process.pid}", f"outlives its platform: {process.name()}")
    if not running:
        for folder in place.folders:
            for process in _users_of(folder):
                yield Finding("O4", f"process {process.pid}", f"still uses {folder}: {process.name()}")
    if settled or not running:
        for row in records:
            if row.envelope.get("lease") and (settled or row.state.get("state") not in _OPEN):
                yield Finding("O4", row.id, f"has a lease until {row.envelope['lease'].get('until')}")
        for folder in place.folders:
            for path in sorted(one for name in ("work", "uploads") for one in (folder / name).glob("*")):
                yield Finding("O4", str(path.relative_to(folder)), "was left behind")
    for name in place.unfinished():
        yield Finding("O4", name, "was begun and never finished")


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


def nothing_in_clear(place: Place, keys: Keyring, canaries: Iterable[bytes], logs: Iterable[Path]) -> Iterator[Finding]:
    """O5: nothing confidential and no key in any file or engine of the platform, nor in what it says."""
    wanted = {form: canary for canary in canaries for form in forms(canary)}
    for name, content in _written(place, logs):
        allowed = place.allowed(name)
        for form, canary in wanted.items():
            if form in content and form not in allowed:
                yield Finding("O5", name, f"holds {canary!r} in clear")
        if name != place.master.name:
            for secret in keys.secrets():
                if secret in content:
                    yield Finding("O5", name, "holds a key")
    for name, text in place.texts():
        for form, canary in wanted.items():
            if form in text:
                yield Finding("O5", name, f"holds {canary!r} in clear")


def _written(place: Place, logs: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for folder in place.folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(folder)), path.read_bytes()
    for path in logs:
        yield str(path), path.read_bytes()


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
