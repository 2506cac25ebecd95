"""What starts AutoLearn, its engines and its demonstration."""
