"""Where master keys are kept."""
