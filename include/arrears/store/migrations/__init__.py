"""The schema as numbered, forward-only steps."""
