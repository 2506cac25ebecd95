"""Real engines on this machine, without Docker: for tests, and for trying the distributed mode out."""
