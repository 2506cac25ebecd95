"""Sessions, their records and data keys: states, the events between them, and pure decisions on plain fields.

A session's state holds in clear: `state name created used life expires open_jobs open_count recorded committed
commits commit failure reason`; confidential as tokens in `sealed`: `note tags`.
Which experiments it has become, its committed records tell; `committed` only counts them: ten thousand ids would not
fit into an event. A record's state: `session job kind
outcome training dataset dataset_id algorithm created started ended trace_id recorded commit experiment`, and `summary`
in `sealed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from common import errors
from common.contracts.sessions import SessionState
from common.records.lifecycle import NEW, Lifecycle, State, merge

RECORD_LIMIT = 10_000
"""Records that one session may have had: its lists are opened and sorted in memory."""


class RecordState(StrEnum):
    """Where the record of one finished job is in its life."""

    held = "held"  # in its session
    dropped = "dropped"  # removed by its owner, who keeps the session
    committed = "committed"  # part of an experiment, which has what was confidential here


class KeyState(StrEnum):
    """Where a data key is in its life."""

    present = "present"  # wrapped by the master keys, in the envelope of its record and nowhere else
    destroyed = "destroyed"  # and with it, for ever, what was sealed under it


def _reserved(state: State, data: Mapping[str, Any]) -> State:
    after = merge(state, {"used": data["used"], "expires": data["expires"]})
    after["open_jobs"] = {**state["open_jobs"], data["job"]: {"kind": data["kind"], "since": data["used"]}}
    after["open_count"] = len(after["open_jobs"])
    return after


def _released(state: State, data: Mapping[str, Any]) -> State:
    after = merge(state, {"used": data.get("used", state["used"]), "expires": data.get("expires", state["expires"])})
    after["open_jobs"] = {job: facts for job, facts in state["open_jobs"].items() if job != data["job"]}
    after["open_count"] = len(after["open_jobs"])
    after["recorded"] = state["recorded"] + bool(data["recorded"])
    return after


def _commit_started(state: State, data: Mapping[str, Any]) -> State:
    after = merge(state, {**data, "failure": None})
    marks = {name: data["commit"][name] for name in ("key", "body") if name in data["commit"]}
    if marks:
        after["commits"] = [*state.get("commits", ()), {"id": data["commit"]["id"], **marks}]
    return after


def _commit_failed(state: State, data: Mapping[str, Any]) -> State:
    return merge(state, {"commit": None, "failure": dict(data), "sealed": {"tags": None}})


def _committed(state: State, data: Mapping[str, Any]) -> State:
    """A partial commit leaves the session open, a whole one ends it."""
    count = state["committed"] + data["count"]
    after = merge(state, {"commit": None, "committed": count, "sealed": {"tags": None}})
    if not data["partial"]:
        after["sealed"] = {}
    after["next"] = SessionState.open.value if data["partial"] else SessionState.committed.value
    return after


def _erased(state: State, data: Mapping[str, Any]) -> State:
    return {**merge(state, data), "sealed": {}}


_OPEN, _COMMITTING, _DISCARDING = SessionState.open.value, SessionState.committing.value, SessionState.discarding.value

SESSIONS = Lifecycle(
    record="session",
    transitions={
        (NEW, "session.opened"): _OPEN,
        (_OPEN, "session.job_reserved"): _OPEN,
        (_OPEN, "session.job_released"): _OPEN,
        (_DISCARDING, "session.job_released"): _DISCARDING,
        (_OPEN, "session.kept"): _OPEN,
        (_OPEN, "session.commit_started"): _COMMITTING,
        (_COMMITTING, "session.commit_failed"): _OPEN,
        (_COMMITTING, "session.committed"): SessionState.committed.value,
        (_OPEN, "session.discard_started"): _DISCARDING,
        (_DISCARDING, "session.discarded"): SessionState.discarded.value,
        (_DISCARDING, "session.expired"): SessionState.expired.value,
    },
    changes={
        "session.job_reserved": _reserved,
        "session.job_released": _released,
        "session.commit_started": _commit_started,
        "session.commit_failed": _commit_failed,
        "session.committed": _committed,
        "session.discarded": _erased,
        "session.expired": _erased,
    },
)
RECORDS = Lifecycle(
    record="session record",
    transitions={
        (NEW, "session.record_added"): RecordState.held.value,
        (RecordState.held.value, "session.record_dropped"): RecordState.dropped.value,
        (RecordState.held.value, "session.record_committed"): RecordState.committed.value,
    },
    changes={"session.record_dropped": _erased, "session.record_committed": _erased},
)
KEYS = Lifecycle(
    record="key",
    transitions={
        (NEW, "key.created"): KeyState.present.value,
        (KeyState.present.value, "key.destroyed"): KeyState.destroyed.value,
    },
    changes={},
)


def chosen_of(chosen: Sequence[str], trainings: Sequence[str]) -> dict[str, list[str]]:
    """Some of a session's trainings, told by the shorter list: they or the others, to fit into an event."""
    wanted = frozenset(chosen)
    others = [one for one in trainings if one not in wanted]
    return {"only": list(chosen)} if len(chosen) <= len(others) else {"but": others}


def choice(commit: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether a training is part of the commit."""
    match commit.get("records"):
        case None:
            return lambda _: True
        case {"only": some}:
            return frozenset(some).__contains__
        case {"but": others}:
            left = frozenset(others)
            return lambda job: job not in left
        case other:
            raise errors.IntegrityError(f"{other!r} does not say which trainings are committed")


def require_name(name: str) -> None:
    """Raise `errors.Invalid` for a session name that could not stand in a path or in a table."""
    if "/" in name or not name.isprintable() or name != name.strip():
        detail = f"{name!r} cannot name a session: no slash, no control characters, no spaces at its ends"
        raise errors.Invalid(detail, flaws=[errors.Flaw("/name", "bad_name", detail)])


def require_room(state: Mapping[str, Any], identifier: str) -> None:
    """Raise `errors.Conflict` when the session has had as many records as one may have."""
    if state["recorded"] + state["open_count"] >= RECORD_LIMIT:
        raise errors.Conflict(f"session {identifier} has had {RECORD_LIMIT} jobs; commit it and open another one")


def require_open(state: Mapping[str, Any], identifier: str) -> None:
    """Raise `errors.SessionBusy` while the session is being committed, `errors.SessionClosed` when it is not open."""
    match state["state"]:
        case SessionState.open:
            return
        case SessionState.committing:
            raise errors.SessionBusy(f"session {identifier} is being committed; wait until that is done")
        case other:
            raise errors.SessionClosed(f"session {identifier} is {other}; open another one")


def require_idle(state: Mapping[str, Any], identifier: str) -> None:
    """Raise `errors.SessionBusy` when jobs are open, naming some of them."""
    jobs = list(state["open_jobs"])
    if jobs:
        named = ", ".join(jobs[:3]) + (f" and {len(jobs) - 3} more" if len(jobs) > 3 else "")
        raise errors.SessionBusy(
            f"session {identifier} has open jobs: {named}; wait for them or cancel them", extra={"open_jobs": jobs[:20]}
        )
