"""The HTTP edge that all services share."""
