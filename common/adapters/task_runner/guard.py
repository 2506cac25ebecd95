"""The guard: a small process above the fork server that leaves nothing when runner or server are killed.

Started by the runner as `python -m common.adapters.task_runner.guard FD`; it starts the fork server with that
descriptor. Its standard input ends when the runner does. It adopts every process whose ancestors below it are
gone, so all it has to do in the end is to kill its descendants.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from common.adapters.task_runner import linux


def main() -> None:
    """Start the server, wait until it or the runner has ended, and clear up."""
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = int(sys.argv[1])
    command = [sys.executable, "-P", "-m", "common.adapters.task_runner.fork_server"]
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and module, nothing from outside
        [*command, str(control), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        pass_fds=[control],
    )
    os.close(control)  # the runner shall see its end when the server ends
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    poll.register(os.pidfd_open(server.pid), select.POLLIN)
    poll.poll()
    linux.kill_descendants()
    os._exit(0)  # nothing to clean up in here, and the runner waits


if __name__ == "__main__":
    main()
