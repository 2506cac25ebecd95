"""The catalogue's algorithms: one file each, its estimator imported only when one is built."""
