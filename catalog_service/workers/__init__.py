"""The roles of the catalogue service: decode, call a handler, encode."""
