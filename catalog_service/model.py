"""Dataset versions: their life, their names, and how a reference names them. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common import errors
from common.records.lifecycle import NEW, Lifecycle

NAME_LIMIT = 200
"""Characters of a dataset's name."""
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}(\.(gz|gzip|zst|zstd))?$", re.IGNORECASE)
_ID = re.compile(r"ds_[0-9a-f]{32}")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")


class DatasetState(StrEnum):
    """Where a dataset version is in its life."""

    available = "available"  # can be read and trained on; never changes
    deleted = "deleted"  # its number stays taken, so that `name@3` never means something else


LIFECYCLE = Lifecycle(
    record="dataset",
    transitions={
        (NEW, "dataset.uploaded"): DatasetState.available,
        (NEW, "dataset.changed"): DatasetState.available,
        (DatasetState.available, "dataset.deleted"): DatasetState.deleted,
    },
    changes={},
)


@dataclass(frozen=True)
class Reference:
    """A reference taken apart: an id, or a name with at most one of version and beginning of a digest."""

    text: str
    id: str | None = None
    name: str | None = None
    version: int | None = None
    digest: str | None = None

    @property
    def bare(self) -> bool:
        """Whether it is a name alone."""
        return self.name is not None and self.version is None and self.digest is None


def reference(text: str) -> Reference:
    """`penguins`, `penguins@3`, `penguins@sha256:ab12`, or an id. `errors.NotFound` for what can name nothing."""
    if _ID.fullmatch(text):
        return Reference(text, id=text)
    name, at, which = text.partition("@")
    name = _words(name)
    if not at:
        return Reference(text, name=name)
    # Eighteen digits fit into 64 bits; more can be no version.
    if which.isascii() and which.isdigit() and len(which) <= 18:
        return Reference(text, name=name, version=int(which))
    if (match := _DIGEST.fullmatch(which)) and which.startswith("sha256:"):
        return Reference(text, name=name, digest=f"sha256:{match.group(1)}")
    raise errors.NotFound(f"there is no dataset {text!r}: behind @ goes a version number or sha256:…")


def normalised(name: str) -> str:
    """The name under which a dataset is kept: `My DataSet.csv` becomes `my_dataset`.

    The last extension goes, letters become small, and what is no letter, digit or underscore becomes one underscore.
    Raises `errors.Invalid` for a name of which nothing is left, or that is too long.
    """
    found = _words(_EXTENSION.sub("", name.strip()))
    if not found:
        raise _bad_name("a dataset needs a name with a letter or digit; give one with name")
    if len(found) > NAME_LIMIT:
        raise _bad_name(f"the name has {len(found)} characters; at most {NAME_LIMIT} go")
    return found


def file_stem(path: str) -> str:
    """The last part of a path that a client sent, of which nothing is believed: it is only material for a name."""
    return path.replace("\\", "/").rpartition("/")[2]


def slot(name: str, version: int) -> str:
    """What no two versions may share."""
    return f"{name}@{version}"


def new_version(name: str, version: int, table: Mapping[str, Any], *, created: str) -> dict[str, Any]:
    """The state of a new version of what a child found in a file (`table`: digest, rows, columns, options, notes)."""
    return {
        "name": name,
        "version": version,
        "slot": slot(name, version),
        "digest": table["digest"],
        "rows": table["rows"],
        "columns": table["columns"],
        "options": table["options"],
        "notes": table.get("notes", []),
        "created": created,
    }


def same_table(state: Mapping[str, Any], table: Mapping[str, Any]) -> bool:
    """Whether a version is what an upload would make again: the same content read with the same options."""
    return bool(
        state["state"] == DatasetState.available
        and state["digest"] == table["digest"]
        and state["options"] == table["options"]
    )


def _words(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower()).strip("_")


def _bad_name(detail: str) -> errors.Invalid:
    return errors.Invalid(detail, flaws=[errors.Flaw("/name", "name", detail)])
