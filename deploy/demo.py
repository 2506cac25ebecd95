"""The main job on real data, by the commands that a person would type; `make demo`.

Everything happens on a platform of its own, in a temporary folder on a free port; neither is there afterwards.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PENGUINS = Path(__file__).parent.parent / "tests" / "data" / "penguins.csv"
ALGORITHMS = ("logistic_regression", "decision_tree", "random_forest", "svm", "naive_bayes")
LINE_WIDTH = "110"


class Demo:
    """Types commands of `autolearn` for one platform and shows them."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AUTOLEARN_")},
            "AUTOLEARN_DATA": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "COLUMNS": os.environ.get("COLUMNS", LINE_WIDTH),
        }
        self._command = [sys.executable, "-m", "cli"]

    def say(self, text: str) -> None:
        """One line of explanation."""
        print(f"\n# {text}", flush=True)

    def run(self, *words: str) -> None:
        """Type a command and let it speak; a failing one ends the demonstration."""
        print(f"$ autolearn {shlex.join(words)}", flush=True)
        subprocess.run([*self._command, *words], env=self._environment, check=True, stdin=subprocess.DEVNULL)  # noqa: S603

    def ask(self, *words: str) -> Any:
        """What a command says with `--json`, as a script would read it."""
        done = subprocess.run(  # noqa: S603
            [*self._command, *words, "--json"],
            env=self._environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        return json.loads(done.stdout)


def main() -> int:
    """Run the demonstration; the exit code is 0 only when every step did what it should."""
    started = time.monotonic()
    # SIGTERM ends it like Ctrl-C: through `finally`, so that the platform goes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="autolearn-demo-") as name:
        demo = Demo(Path(name))
        try:
            show(demo)
        except subprocess.CalledProcessError as error:
            print(f"demo: this command failed with exit code {error.returncode}", file=sys.stderr)
            return 1
        finally:
            demo.say("Stop. The folder goes too.")
            demo.run("down")
    print(f"\nDone in {time.monotonic() - started:.0f} s; nothing is left behind.")
    return 0


def show(demo: Demo) -> None:
    """The main job, step by step."""
    demo.say("Start the whole platform: five services, one process, one port.")
    demo.run("up", "--detach", "--port", "0")
    demo.say("Upload a real file, with gaps and categories. Types are detected, nothing is guessed in silence.")
    demo.run("datasets", "upload", str(PENGUINS))
    demo.run("datasets", "preview", "penguins", "--rows", "3")
    demo.say("Work in a session: what happens there is confidential, and yours to keep or to throw away.")
    demo.run("session", "open", "penguins-demo")
    demo.run("session", "use", "penguins-demo")
    demo.say("Train five algorithms at once, each in a process of its own.")
    demo.run("train", "penguins", *ALGORITHMS, "--target", "species")
    demo.say("Evaluate them on the rows that were held out.")
    demo.run("evaluate")
    demo.run("session", "compare")
    demo.say("Keep it: the commit moves everything to permanent experiments, once, and ends the session.")
    demo.run("session", "commit", "--tag", "demo")
    demo.run("experiments", "list", "--sort=-measures.accuracy")
    best = demo.ask("experiments", "list", "--sort=-measures.accuracy")["items"][0]
    demo.run("experiments", "show", best["id"])
    demo.say("What happened? One training's calls and events through all services, in order.")
    demo.run("log", "trace", best["training"])
    demo.say("Prove it: the fold of the log equals what is stored, and the read models can be built anew from it.")
    demo.run("log", "verify")
    demo.run("log", "rebuild", "--into", "proof")


if __name__ == "__main__":
    sys.exit(main())
