"""The three roles: decode, call a handler, encode."""
