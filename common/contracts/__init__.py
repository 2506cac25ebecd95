"""Frozen models of what crosses a process border."""
