"""Draws docs/demo.svg: what a terminal shows in a real run; `python -m docs.picture`."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from deploy.demo import ALGORITHMS, PENGUINS

PICTURE = Path(__file__).parent / "demo.svg"
WIDTH = 144
SHOWN = (
    ("train", "penguins", *ALGORITHMS, "--target", "species"),
    ("session", "compare"),
    ("session", "commit", "--tag", "demo"),
    ("log", "verify"),
)


def terminal(command: list[str], environment: dict[str, str]) -> str:
    """What a command writes on the standard output of a terminal, colours included."""
    parent, child = pty.openpty()
    process = subprocess.Popen(command, env=environment, stdin=child, stdout=child, stderr=subprocess.DEVNULL)  # noqa: S603
    os.close(child)
    written = bytearray()
    try:
        while piece := os.read(parent, 65_536):
            written += piece
    except OSError:
        pass  # Linux says EIO, not end of file, when the last writer of a terminal has gone
    finally:
        os.close(parent)
    if process.wait():
        raise SystemExit(f"{shlex.join(command)} failed with {process.returncode}")
    return written.decode().replace("\r\n", "\n")


def main() -> None:
    """Run the demonstration's commands on a platform of their own, and draw the interesting ones."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "AUTOLEARN_DATA": f"{folder}/data",
            "XDG_CONFIG_HOME": f"{folder}/config",
            "XDG_STATE_HOME": f"{folder}/state",
            "COLUMNS": str(WIDTH),
            "TERM": "xterm-256color",
        }
        prepared = (("up", "--detach", "--port", "0"), ("datasets", "upload", str(PENGUINS)), ("session", "open", "p"))
        try:
            for words in (*prepared, ("session", "use", "p")):
                subprocess.run([sys.executable, "-m", "cli", *words], env=environment, check=True, capture_output=True)  # noqa: S603
            for words in SHOWN:
                console.print(Text.assemble(("$ ", "bold green"), (f"autolearn {shlex.join(words)}", "bold")))
                console.print(Text.from_ansi(terminal([sys.executable, "-m", "cli", *words], environment)))
        finally:
            subprocess.run([sys.executable, "-m", "cli", "down"], env=environment, check=False, capture_output=True)
    drawn = console.export_svg(title="autolearn", font_aspect_ratio=0.61)
    # Rich's template fetches a font from outside: a picture in a repository should not.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    PICTURE.write_text(re.sub(r"<!-- Generated with Rich.*?-->\s*", "", drawn))


if __name__ == "__main__":
    main()
