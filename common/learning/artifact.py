"""Models as files: skops archives, opened only if their digest is the recorded one and all their types are known."""

from __future__ import annotations

import hashlib
import zipfile
from typing import Any

import skops.io

from common import errors

FORMAT = "skops"
TRUSTED = ("numpy.dtype", "sklearn.tree._tree.Tree")
"""What our pipelines need beyond the types that skops trusts by itself. A forged tree can crash the process that
predicts with it (why skops dropped it from its own list): hence the digest, and loading in child processes only."""


def dump(model: Any) -> bytes:
    """The model as an archive."""
    data: bytes = skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    return data


def describe(data: bytes) -> dict[str, Any]:
    """What a result says of an archive; `size` in bytes."""
    return {"digest": digest(data), "size": len(data), "format": FORMAT}


def digest(data: bytes) -> str:
    """The name of these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def load(data: bytes, expected: str) -> Any:
    """The model in an archive whose digest was recorded when it was written.

    Raises `errors.IntegrityError` if these are other bytes, `errors.Invalid` if it is no archive or holds types that
    are not on the list. Nothing is built before both are checked.
    """
    if digest(data) != expected:
        raise errors.IntegrityError(f"the model is not what was stored: {digest(data)} instead of {expected}")
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise errors.Invalid(f"the model is no {FORMAT} archive: {error}") from error
    if unknown:
        raise errors.Invalid(f"the model holds types that are not trusted: {', '.join(unknown)}")
    return skops.io.loads(data, trusted=list(TRUSTED))
