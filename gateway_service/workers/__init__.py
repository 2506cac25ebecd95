"""The roles of the gateway service: decode, call a handler, encode."""
