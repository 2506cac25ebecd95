"""`python -m storage_service rest | event | task`."""

from __future__ import annotations

from common.workers.main import main

if __name__ == "__main__":
    main("storage")
