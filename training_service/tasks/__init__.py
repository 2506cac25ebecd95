"""What runs in the child process of a training task."""
