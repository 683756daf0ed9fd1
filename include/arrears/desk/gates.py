"""The checks of a ledger in the reader's words."""

from arrears.reports.wording import Words


def name_of(gate: str, words: Words) -> str:
    """Return what a check is called."""
    return words.label("gate", gate) if words.knows("gate", gate) else gate.replace("_", " ")


def why_failed(gate: str, detail: str, words: Words) -> str:
    """Return what a failed check means and what to do; one without words says what it found."""
    return words.label("gate_why", gate) if words.knows("gate_why", gate) else detail
