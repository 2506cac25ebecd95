"""`python -m gateway_service rest|event|task`: one role of the service in a process of its own."""

from __future__ import annotations

from common.workers.main import main

if __name__ == "__main__":
    main("gateway")
