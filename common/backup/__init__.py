"""Backup of a running platform into one tar archive, and its restoration elsewhere (docs/decisions/0015)."""
