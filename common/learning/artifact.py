"""Models as files: skops archives, opened only if their digest is the recorded one and all their types are known."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import skops.io
from skops.io._utils import SaveContext, get_state
from skops.io.exceptions import UnsupportedTypeException

from common import errors
from common.learning import packages

FORMAT = "skops"
TRUSTED = (
    "numpy.dtype",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.column_or_1d",
)
"""What our pipelines need beyond the types that skops trusts by itself: a constant, never a list that a file brings.
A forged tree can crash the process that predicts with it (why skops dropped trees from its own list): hence the digest,
and loading in child processes only. `column_or_1d` is the one function: it makes a list of a table with one column
(texts, before they are hashed), and there is nothing else that it could be told to do."""


def dump(model: Any) -> bytes:
    """The model as an archive. Raises `errors.BadData` for one that `load` would refuse."""
    try:
        data = _archive(model)
    except UnsupportedTypeException as error:
        raise errors.BadData(f"the model cannot be stored: {error}") from error
    if unknown := untrusted(data):
        raise errors.BadData(f"the model cannot be stored, because it holds {', '.join(unknown)}")
    return data


class _Archive(zipfile.ZipFile):
    """One that knows its names without listing them, which skops has it do before it writes an array."""

    def namelist(self) -> Any:
        return self.NameToInfo.keys()


def _archive(model: Any) -> bytes:
    """What `skops.io.dumps` writes, in half of the time or less.

    Those few lines of skops 0.16, but for two things: names are looked up and not searched (else the time grows with
    the square of the number of trees), and the schema has no indentation, for which JSON is written in pure Python.
    """
    buffer = io.BytesIO()
    with _Archive(buffer, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        context = SaveContext(zip_file=file)
        schema = get_state(model, context)
        context.clear_memo()
        schema |= {"protocol": context.protocol, "_skops_version": skops.__version__}
        file.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def untrusted(data: bytes) -> list[str]:
    """The types in an archive that are neither on the list nor of a package that an administrator has listed."""
    return [name for name in _unlisted(data) if not packages.trusts(name)]


def _unlisted(data: bytes) -> list[str]:
    return sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))


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
        listed = _unlisted(data)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise errors.Invalid(f"the model is no {FORMAT} archive: {error}") from error
    if unknown := [name for name in listed if not packages.trusts(name)]:
        raise errors.Invalid(f"the model holds types that are not trusted: {', '.join(unknown)}")
    return skops.io.loads(data, trusted=[*TRUSTED, *listed])
