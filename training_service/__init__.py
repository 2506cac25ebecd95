"""Trains models: one job, one process, one artifact."""
