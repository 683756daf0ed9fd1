"""The words a policy may use are those the store keeps: a channel or document one side lacks would fail at noon."""

from typing import get_args

import pytest

from arrears.ladder import policy_terms
from arrears.store.tables import feeds, outreach, people


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (policy_terms.Channel, outreach.CHANNELS),
        (policy_terms.Channel, feeds.CHANNELS),
        (policy_terms.DocumentKind, feeds.DOCUMENT_KINDS),
        (policy_terms.Role, people.ROLES),
        (policy_terms.ContractType, feeds.CONTRACT_TYPES),
    ],
)
def test_a_policy_says_exactly_the_words_that_the_store_keeps(said, kept):
    assert sorted(get_args(said)) == sorted(kept)
