"""One module a noun; loaded only when the noun is used."""
