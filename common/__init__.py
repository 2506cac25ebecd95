"""What two or more programs of AutoLearn need."""
