"""Explain a decision, recompute it, and prove the invariants over the whole store."""
