"""A model as ONNX: converted and compared on this machine, in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from autolearn import files
from autolearn.references import segment
from autolearn.transport import Transport
from common import errors

_NEEDED = ("skl2onnx", "onnxruntime")
Save = Callable[[Path], Awaitable[Path]]
"""Saves the artifact under a path."""


async def export(
    transport: Transport,
    request: Mapping[str, Any] | None,
    result: Mapping[str, Any] | None,
    save: Save,
    path: str | os.PathLike[str],
) -> dict[str, Any]:
    """Write the model of a training to `path`, and say what was compared: see `common.learning.onnx_export`.

    Artifact and dataset are downloaded for it. Raises `errors.Invalid` where the extra `onnx` is not installed,
    `errors.BadData` for a model that has no ONNX form, or whose form answers otherwise; then nothing is written.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise errors.Invalid(f"ONNX needs {' and '.join(missing)}: pip install 'autolearn[onnx]'")
    if not request or not (result or {}).get("artifact"):
        raise errors.NotReady("only a succeeded training has a model")
    assert request is not None
    with tempfile.TemporaryDirectory(prefix="autolearn-onnx-") as name:
        folder = Path(name)
        (folder / "training.json").write_text(json.dumps({"request": request, "result": result}))
        await save(folder / "model.skops")
        dataset = f"/v1/datasets/{segment(request['dataset']['id'])}/content"
        async with transport.stream(dataset, params={"format": "parquet"}) as answer:
            await files.save(answer.aiter_bytes(), folder / "dataset.parquet")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "common.learning.onnx_export", name, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        if process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise errors.Internal(f"the conversion to ONNX went away: {last or process.returncode}")
        report: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
        if "problem" in report:
            raise errors.BadData(report["problem"])
        await asyncio.to_thread(shutil.move, folder / "model.onnx", path)
    return report
