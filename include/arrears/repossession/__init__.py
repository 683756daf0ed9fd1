"""Orders to find or recover a machine: checks, hand-off and stand-down."""
