"""Blob stores, one file per technology."""
