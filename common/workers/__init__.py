"""The loops of the three roles: rest, event and task."""
