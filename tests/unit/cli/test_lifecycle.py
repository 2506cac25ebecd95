"""`up`, `down`, `status` and `doctor`, with a stand-in for the server's module."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from autolearn import finding
from tests.unit.autolearn.fake_server import RunningFake
from tests.unit.cli.conftest import Shell, Terminal

# The least that the command line needs of the server: arguments, server.json, /readyz, SIGTERM.
EMBEDDED = """
import argparse, http.server, json, os, pathlib, signal, sys

parser = argparse.ArgumentParser()
for name in ("--port", "--data", "--host"):
    parser.add_argument(name)
told = parser.parse_args()
folder = pathlib.Path(told.data)
if (folder / "broken").exists():
    print("autolearn: the folder is in use by process 7", file=sys.stderr)
    sys.exit(5)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

server = http.server.HTTPServer(("127.0.0.1", int(told.port or 0)), Handler)
url = f"http://127.0.0.1:{server.server_port}"

def stop(*_):
    (folder / "server.json").unlink()
    os._exit(0)

signal.signal(signal.SIGTERM, stop)
(folder / "server.json").write_text(json.dumps({"url": url, "pid": os.getpid()}))
print(f"AutoLearn runs at {url}", flush=True)
server.serve_forever()
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module = tmp_path / "modules" / "embedded"
    module.mkdir(parents=True)
    (module / "__init__.py").touch()  # a package wins over a namespace, wherever that stands
    (module / "__main__.py").write_text(EMBEDDED)
    monkeypatch.setenv("PYTHONPATH", str(module.parent))
    folder = tmp_path / "data folder"
    folder.mkdir()
    monkeypatch.setenv("AUTOLEARN_DATA", str(folder))
    return folder


def test_up_detached_and_down(shell: Shell, data: Path) -> None:
    started = shell("up", "--detach", "--port", "0", "--data", str(data), "--json")
    assert started.code == 0, started.err
    process = psutil.Process(started.json["pid"])
    try:
        assert finding.find().url == started.json["url"]
        assert started.json["url"] in (data / "server.log").read_text()
        down = shell("down", "--json")
        assert down.json == {"stopped": True, "pid": process.pid} and down.code == 0
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    finally:
        if process.is_running():
            process.kill()
    assert shell("down").err.startswith("nothing runs on")


def test_a_server_that_ends_at_once_speaks_for_itself(shell: Shell, data: Path) -> None:
    (data / "broken").touch()
    ended = shell("up", "--detach", "--data", str(data))
    assert ended.code == 5 and ended.out == ""
    assert ended.err == "autolearn: the folder is in use by process 7\n"


def test_down_does_not_touch_a_process_that_is_not_the_server(shell: Shell, data: Path) -> None:
    me = psutil.Process()
    assert not any("embedded" in word for word in me.cmdline()), sys.argv
    (data / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "pid": me.pid}))
    assert shell("down").err.startswith("nothing runs on")


def test_up_in_the_foreground_becomes_the_server(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(Path(__file__).parents[3])
    monkeypatch.setenv("PYTHONPATH", f"{data.parent / 'modules'}:{root}")
    terminal = Terminal("up", "--port", "0", "--data", str(data))
    try:
        terminal.expect("AutoLearn runs at http://127.0.0.1:")
        assert finding.running_server(data) == finding.RunningServer(terminal.said.split()[-1], terminal.process.pid)
        terminal.process.terminate()
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_doctor_says_what_is_wrong_and_what_to_do(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOLEARN_URL", "http://127.0.0.1:1")
    ended = shell("doctor", "--json")
    assert ended.code == 1 and ended.json["ok"] is False
    checks = {check["name"]: check for check in ended.json["checks"]}
    assert checks["python"]["ok"] and checks["clock"]["ok"] and checks["data folder"]["ok"]
    assert "autolearn up" in checks["server"]["found"]


def test_doctor_asks_the_server(shell: Shell, server: RunningFake) -> None:
    checks = {check["name"]: check for check in shell("doctor", "--json").json["checks"]}
    assert checks["server"]["ok"] and checks["stores"] == {"name": "stores", "ok": True, "found": "ready"}
