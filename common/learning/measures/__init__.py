"""Measures of quality: one file per family, scikit-learn imported only when one is computed."""
