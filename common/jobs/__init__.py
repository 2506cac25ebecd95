"""The life of a job, shared by training and evaluation."""
