"""Sessions: where results wait until they are committed to permanent storage, and the keys that keep them secret."""
