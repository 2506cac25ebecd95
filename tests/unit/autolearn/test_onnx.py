"""ONNX from the client: what is needed, and that nothing is written where it is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autolearn.aio import onnx
from common import errors


async def never(path: Path) -> Path:
    raise AssertionError("nothing is downloaded")


async def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.Invalid, match=r"ONNX needs skl2onnx and onnxruntime: pip install 'autolearn\[onnx\]'"):
        await onnx.export(SimpleNamespace(), {}, {}, never, tmp_path / "model.onnx")  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [None, {"measures": {}}])
async def test_only_a_succeeded_training_has_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: dict[str, Any] | None
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace())
    with pytest.raises(errors.NotReady, match="only a succeeded training"):
        await onnx.export(SimpleNamespace(), {}, result, never, tmp_path / "model.onnx")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
