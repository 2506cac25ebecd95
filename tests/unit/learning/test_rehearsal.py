"""The rehearsal of the fork server: it computes without starting threads, which its children could not use."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import os
from common.learning import rehearsal
threads = len(os.listdir("/proc/self/task"))
rehearsal.rehearse()
assert len(os.listdir("/proc/self/task")) == threads, "the rehearsal has started threads"
from sklearn.linear_model import LogisticRegression
from common.learning import registry
assert registry.algorithms.cache_info().currsize == registry.measures.cache_info().currsize == 1
"""


def test_starts_no_thread_and_finds_plug_ins_ahead() -> None:
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=limits, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
