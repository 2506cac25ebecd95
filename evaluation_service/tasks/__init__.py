"""What runs in the child process of an evaluation task."""
