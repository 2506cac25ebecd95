"""One file per algorithm: what the catalogue says of it, and how its estimator is built."""
