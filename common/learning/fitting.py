"""A pipeline fitted as a completed training request says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from common import errors
from common.learning import preprocessing, registry
from common.learning.hyperparameters import SEED
from common.learning.notes import Notes, first_sentence
from common.learning.sample import Sample


def fit(
    request: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], rows: Sample, threads: int, notes: Notes
) -> tuple[Any, float]:
    """The fitted pipeline, and the seconds that fitting took. Raises `errors.BadData` for rows it cannot learn from."""
    algorithm = registry.trained(request["algorithm"])
    estimator = algorithm.build(request["task"], request["parameters"], threads)
    if algorithm.open and estimator.get_params(deep=False).get(SEED, 0) is None:
        estimator.set_params(**{SEED: request["split"]["seed"]})
    model = preprocessing.pipeline(columns, estimator, dense=algorithm.dense, request=request)
    begun = time.perf_counter()
    with notes.of_warnings("fit"):
        try:
            model.fit(rows.features, rows.target if len(rows.target) else None)
        except ValueError as error:  # how scikit-learn refuses data or a combination of parameters
            reason = first_sentence(str(error))
            raise errors.BadData(
                f"{request['algorithm']} cannot learn from these rows: {reason}; "
                "`datasets profile` shows what is unusual about the columns"
            ) from error
    return model, time.perf_counter() - begun
