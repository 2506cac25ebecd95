"""`python -m deploy.secrets FOLDER`: makes the secrets of an installation, each once, in files of mode 0600.

`master.key` (keep a copy elsewhere: without it nothing that was sealed can be read), and `.env` for `compose.yaml`.
"""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

from common.runtime import new_master_key

WORDS = ("SERVICE_TOKEN", "RABBITMQ_PASSWORD", "MONGO_PASSWORD", "MONGO_REPLICA_KEY", "S3_KEY", "S3_SECRET")


def main() -> None:
    """Write what is missing; what is there stays."""
    parser = argparse.ArgumentParser(prog="python -m deploy.secrets", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = [
        _written(folder / "master.key", new_master_key()),
        _written(folder / ".env", "".join(f"{word}={secrets.token_hex(24)}\n" for word in WORDS)),
    ]
    print("\n".join(written))


def _written(path: Path, text: str) -> str:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return f"{path} is there already"
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return f"{path} written"


if __name__ == "__main__":
    main()
