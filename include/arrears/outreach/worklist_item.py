"""Calls, visits and letters: the effect is an item on somebody's work list, visible by its state in the store."""

from arrears.outreach.verdict import Outcome, Verdict

ISSUED = Verdict(Outcome.SENT, "issued")
"""Issuing is a change of our own store: it happens in the transaction of its intent, so it is never in doubt."""
