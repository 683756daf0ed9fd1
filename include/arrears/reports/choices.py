"""What can come of a call, a visit and a letter: the choices in the outcome column of a work list."""

CALL_OUTCOMES = (
    "contacted",
    "promised",
    "refused",
    "dispute_raised",
    "hardship_claimed",
    "paid_claimed",
    "callback_requested",
    "no_answer",
    "busy",
    "switched_off",
    "wrong_number",
    "invalid_number",
    "third_party_answered",
    "deceased_reported",
)
VISIT_OUTCOMES = (
    "visit_met",
    "visit_not_met",
    "promised",
    "refused",
    "dispute_raised",
    "hardship_claimed",
    "paid_claimed",
    "deceased_reported",
    "no_contact_point",
)
LETTER_OUTCOMES = ("letter_sent", "letter_served", "letter_refused", "letter_returned")
SEARCH_OUTCOMES = ("contacted", "third_party_answered", "no_contact_point")
CHOICES = {
    "call": CALL_OUTCOMES,
    "visit": VISIT_OUTCOMES,
    "letter": LETTER_OUTCOMES,
    "senior_contact": CALL_OUTCOMES,
    "credit_notice": LETTER_OUTCOMES,
    "asset_search": SEARCH_OUTCOMES,
}
"""What can come of each channel; a choice list in a sheet holds 255 characters at most."""
