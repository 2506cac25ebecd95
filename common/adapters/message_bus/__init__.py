"""Message buses, one file per technology."""
