"""Event-sourced records: state, version, events and outbox in one document."""
