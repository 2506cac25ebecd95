"""The catalogue: datasets with their versions, and the algorithms and measures that can be used."""
