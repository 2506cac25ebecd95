"""Task runners: where task functions are computed."""
