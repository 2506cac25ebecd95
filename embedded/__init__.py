"""All services and all their roles in one process, on one port."""
