"""Permanent storage: experiments, what is known of them in clear, and the commits that make them visible."""
