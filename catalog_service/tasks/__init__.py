"""What the catalogue computes in child processes: reading uploads, converting tables."""
