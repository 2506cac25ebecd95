"""`python -m embedded --restore FILE --data DIR --key FILE`: brings a backup back, for `autolearn admin restore`."""

from __future__ import annotations

import json
from pathlib import Path

from common.backup.restoring import restore
from common.runtime import master_keys


def restored(backup: Path, data: Path, key: Path) -> str:
    """Restore, and say what as one line of JSON; errors as `restore` and `master_keys`."""
    folder = data.expanduser().absolute()
    keys = master_keys(key)
    contents = restore(backup, folder, key, lambda text: keys.fingerprint("backup", text))
    return json.dumps(
        {
            "data": str(folder),
            "created": contents.header.created,
            "version": contents.header.version,
            "files": contents.files,
            "bytes": contents.size,
        }
    )
