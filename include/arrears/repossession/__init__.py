"""Orders to find or recover a machine: checks, approvals, hand-off and stand-down."""
