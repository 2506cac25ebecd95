"""The language of `filter=` and `sort=`: grammar, conditions, evaluation, sort keys and cursors."""
