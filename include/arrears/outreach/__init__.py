"""Contacts with people: planned per person, checked again at the moment of sending, sent at most once."""
