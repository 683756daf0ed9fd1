"""Rehearsal: a made-up portfolio whose first morning shows every rung of the ladder."""
