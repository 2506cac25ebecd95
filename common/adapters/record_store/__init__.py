"""Record stores, one file per technology."""
