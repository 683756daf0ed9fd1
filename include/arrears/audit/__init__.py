"""The record that proves itself: events, one sealed log, signed checkpoints, verification and receipts."""
