"""Money, calendar, clock, entropy, keys, settings and errors: plain Python without I/O."""
