"""Loads the scientific libraries, so that children of the fork server find them in memory. Computes nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandas.core.arrays.arrow.extension_types
import pyarrow.dataset
import pyarrow.parquet
import sklearn.compose
import sklearn.ensemble
import sklearn.impute
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.naive_bayes
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.svm
import sklearn.tree
import skops.io
import threadpoolctl

LIBRARIES = (np, pd, pyarrow, skops, sklearn, threadpoolctl)
