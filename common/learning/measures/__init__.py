"""One file per family of measures: what they mean, and how they are computed."""
