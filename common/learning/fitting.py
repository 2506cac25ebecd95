"""A pipeline fitted as a completed training request says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import errors
from common.learning import preprocessing, registry
from common.learning.hyperparameters import SEED
from common.learning.notes import Notes, first_sentence
from common.learning.sample import Sample


@dataclass
class Fitted:
    """A fitted pipeline, the seconds that took, and the rows learned from as its estimator saw them.

    `prepared` spares preparing them once more to measure with them; None where the estimator may have changed them.
    """

    model: Any
    seconds: float
    prepared: Any


def fit(
    request: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], rows: Sample, threads: int, notes: Notes
) -> Fitted:
    """Fit the pipeline of a request. Raises `errors.BadData` for rows it cannot learn from."""
    algorithm = registry.trained(request["algorithm"])
    estimator = algorithm.build(request["task"], request["parameters"], threads)
    if algorithm.open and estimator.get_params(deep=False).get(SEED, 0) is None:
        estimator.set_params(**{SEED: request["split"]["seed"]})
    model = preprocessing.pipeline(columns, estimator, dense=algorithm.dense, request=request)
    target = rows.target if len(rows.target) else None
    begun = time.perf_counter()
    with notes.of_warnings("fit"):
        try:
            # What `Pipeline.fit` does with two steps, which keeps nothing of what is between them.
            prepared = model.named_steps[preprocessing.PREPARE].fit_transform(rows.features, target)
            estimator.fit(prepared, target)
        except ValueError as error:  # how scikit-learn refuses data or a combination of parameters
            reason = first_sentence(str(error))
            raise errors.BadData(
                f"{request['algorithm']} cannot learn from these rows: {reason}; "
                "`datasets profile` shows what is unusual about the columns"
            ) from error
    # Parameters that nobody here has chosen may be `copy_X=False`.
    return Fitted(model, time.perf_counter() - begun, None if algorithm.open else prepared)
