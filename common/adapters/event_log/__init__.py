"""Event logs, one file per technology."""
