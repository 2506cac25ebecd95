"""Tables, splits, preprocessing, algorithms, measures and artifacts."""
