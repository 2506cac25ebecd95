"""What the training service runs in child processes."""
