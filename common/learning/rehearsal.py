"""A rehearsal of a training for the fork server: what a first use costs is paid there once, not in every child.

At first use scikit-learn and narwhals load modules and look through all installed packages for plug-ins, Python
specialises the bytecode it runs often (PEP 659) and so writes to pages that the children share until then. A small
training takes a quarter less CPU in a child of a server that has rehearsed.

The only computing in the fork server, and such that starts no thread: a child would inherit the locks of threads that
it does not have. Thirty rows, BLAS and OpenMP limited to one thread, nothing read with Arrow.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd

from common import errors
from common.learning import (
    artifact,
    measuring,
    preload,  # noqa: F401 - what is not needed here either
    preprocessing,
    registry,
    thread_limit,
)
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.notes import Notes
from common.learning.sample import Sample
from common.learning.split import divide

_ROWS = 30
_COLUMNS = [{"name": kind, "type": kind} for kind in ("number", "boolean", "category")]
_SPLIT = {"test_share": 0.25, "seed": 0, "stratify": "auto"}


def rehearse() -> None:
    """Split, fit, measure and write what nobody asked for."""
    with contextlib.suppress(errors.Internal), thread_limit.threads(1):  # of a plug-in: a child will tell its user
        algorithm = registry.algorithms()["logistic_regression"]
        entries = registry.measures_for(CLASSIFICATION)
        numbers = np.arange(_ROWS)
        texts = np.array(["a", "b", "c"], dtype=object)[numbers % 3]
        features = pd.DataFrame({"number": numbers / 2, "boolean": numbers % 2 == 0, "category": texts})
        notes = Notes()
        split = divide(texts, CLASSIFICATION, _SPLIT, notes)
        rows = Sample(features, texts, 0).rows(split.train)
        model = preprocessing.pipeline(_COLUMNS, algorithm.build(CLASSIFICATION, {}, 1), dense=algorithm.dense)
        model.fit(rows.features, rows.target)
        measuring.measure(
            measuring.predict(model, CLASSIFICATION, rows, None, notes, "rehearsal"), entries, notes, "rehearsal"
        )
        artifact.dump(model)
