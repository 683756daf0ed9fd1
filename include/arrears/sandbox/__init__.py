"""Real servers on loopback that keep what they were sent: for the demo, for rehearsals and for tests."""
