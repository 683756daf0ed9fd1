"""Real servers on loopback for rehearsals, demonstrations and tests; they keep what they got and judge nothing."""
