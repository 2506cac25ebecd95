"""What the evaluation service runs in child processes."""
