"""Feeds: read, map, validate, quarantine, gate, and freeze one snapshot a day."""
