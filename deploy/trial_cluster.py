"""A file of `autolearn cluster up` for a cluster beside others: other ports, and more processes of some roles."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from cli.supervising import SHIPPED


def cluster_file(more: Mapping[str, int] | None = None) -> str:
    """The shipped file with ports that are free now; `more` says how many there are of a program, one unless told."""
    text = SHIPPED.read_text()
    for port in sorted(set(re.findall(r"\b847[0-5]\b", text))):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            text = re.sub(rf"\b{port}\b", str(free.getsockname()[1]), text)
    for name, count in (more or {}).items():
        text, changed = re.subn(rf"(\[program:{name}\][^\[]*?numprocs=)1\b", rf"\g<1>{count}", text)
        if changed != 1:
            raise ValueError(f"the shipped file has no program {name!r} of one process")
    return text
