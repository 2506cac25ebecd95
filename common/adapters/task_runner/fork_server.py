"""The fork server: loads the libraries once, then forks a keeper per task; it never computes and knows no secret.

Started by the runner with a clean environment as `python -m common.adapters.task_runner.fork_server FD PARENT`. FD is
a SOCK_SEQPACKET socket: the first packet is `{"preload": [module, …]}`, answered by `{"ready": pid}` or `{"failed":
text}`; every further packet carries three descriptors (channel, output, progress) of one task. Its end is ours.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

from common.adapters.task_runner import linux
from common.adapters.task_runner.keeper import keep

_PACKET = 2**16


def main() -> None:
    """Serve until the runner closes the socket or ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    linux.die_with(int(sys.argv[2]))
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for module in json.loads(control.recv(_PACKET))["preload"]:
            importlib.import_module(module)
    except Exception as error:
        control.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
        raise
    # Without this the first full collection in a child would write to, and so copy, every page it shares with us.
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"ready": os.getpid()}).encode())
    _Server(control).serve()


class _Server:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        # Keepers hold the reading end and learn from its end of file that the server is gone.
        self._life, self._life_held = os.pipe()
        self._keepers: dict[int, int] = {}  # pidfd -> pid
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._keepers:
                    self._reap(descriptor)
                elif not self._take():
                    return

    def _take(self) -> bool:
        """Fork a keeper for the task that comes; False if the runner is gone."""
        packet, descriptors, _, _ = socket.recv_fds(self._control, _PACKET, 3)
        if not packet:
            return False
        channel, output, progress = descriptors
        keeper = os.fork()
        if keeper == 0:
            self._control.close()
            os.close(self._life_held)
            for other in self._keepers:
                os.close(other)
            keep(socket.socket(fileno=channel), output, progress, self._life)
        for descriptor in descriptors:
            os.close(descriptor)
        watched = os.pidfd_open(keeper)
        self._keepers[watched] = keeper
        self._poll.register(watched, select.POLLIN)
        return True

    def _reap(self, watched: int) -> None:
        """Bury a keeper, and kill what came to us because it was killed before it could clean up."""
        self._poll.unregister(watched)
        os.close(watched)
        os.waitpid(self._keepers.pop(watched), 0)
        linux.kill_descendants(spare=frozenset(self._keepers.values()))


if __name__ == "__main__":
    main()
