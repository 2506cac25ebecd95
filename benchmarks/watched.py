"""`python -m benchmarks.watched`: the platform as `python -m embedded` starts it, with a watch on its event loop.

A task of the loop looks at the clock every few milliseconds. What passes beyond that is a stall, less the time in which
the thread was ready to run and had no core (`/proc/self/task/*/schedstat`, second field, in ns): that is the machine's
and not the program's. A thread beside it notes what the loop is doing meanwhile. Stalls go to `stalls.ndjson` of the
data folder, and so does every collection of garbage, which stops all threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TextIO

from common.settings import Settings
from embedded import __main__ as program
from embedded.process import Platform, platform

EVERY = 0.005
NOTED = 0.02
"""Seconds from which a stall is written down."""
FILE = "stalls.ndjson"


class Watch:
    """Measures the loop in which `beat` runs, and looks at its thread from another one."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._loop_thread = threading.get_ident()
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._last = time.monotonic()
        self._seen = ""
        self._collection = (0.0, 0.0)
        self._end = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        gc.callbacks.append(self._collecting)
        threading.Thread(target=self._look, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        gc.callbacks.remove(self._collecting)
        self._end.set()

    async def beat(self) -> None:
        """Look at the clock until cancelled."""
        waited = self._waited()
        self._last = time.monotonic()
        while True:
            await asyncio.sleep(EVERY)
            now, before = time.monotonic(), self._last
            stall = now - before - EVERY
            if stall > NOTED:
                ready = self._waited()
                own = stall - (ready - waited)
                if own > NOTED:
                    self._write({"at": before, "seconds": own, "wall": stall, "doing": self._seen})
            waited = self._waited()
            self._seen, self._last = "", time.monotonic()

    def _collecting(self, phase: str, about: dict[str, int]) -> None:
        """Called by the collector, in whatever thread it runs; seconds are of that thread's processor time."""
        if phase == "start":
            self._collection = (time.monotonic(), time.thread_time())
            return
        began, used = self._collection
        self._write({"at": began, "seconds": time.thread_time() - used, "collected": about["generation"]})

    def _write(self, what: dict[str, Any]) -> None:
        self._out.write(json.dumps(what) + "\n")
        self._out.flush()

    def _waited(self) -> float:
        """Seconds in which the loop's thread was ready to run and had no core."""
        return int(self._schedule.read_text().split()[1]) / 1e9

    def _look(self) -> None:
        while not self._end.wait(EVERY):
            if time.monotonic() - self._last > NOTED and not self._seen:
                frame = sys._current_frames().get(self._loop_thread)
                self._seen = "".join(traceback.format_stack(frame)[-6:]) if frame else ""


@contextlib.asynccontextmanager
async def watched(settings: Settings) -> AsyncIterator[Platform]:
    """The platform, its loop watched from its start on."""
    async with platform(settings) as running:
        with (settings.data / FILE).open("w") as out:
            watch = Watch(out)
            watch.start()
            beating = asyncio.create_task(watch.beat())
            try:
                yield running
            finally:
                beating.cancel()
                watch.stop()


if __name__ == "__main__":
    program.platform = watched  # type: ignore[attr-defined]
    program.main()
