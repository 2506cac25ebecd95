"""The gateway: the one door of the platform, its log, and the jobs of all services."""
