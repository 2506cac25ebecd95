"""Comparable, repeatable figures: what AutoLearn does against the barest program that could do the same."""
