"""Evidence has one byte form: that of RFC 8785, as an independent library writes it too."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from arrears.core.keys import canonical

KEYS = st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=8)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, DATA, max_size=6))
def test_the_canonical_form_is_that_of_the_standard(data: dict[str, object]) -> None:
    assert canonical(data) == rfc8785.dumps(data)


@pytest.mark.parametrize(
    "odd", [1.0, float("nan"), object(), {"é": 1}, {1: 2}, 2**64, b"bytes", {"deep": [{"x": 0.5}]}]
)
def test_what_has_no_canonical_form_is_refused(odd: object) -> None:
    with pytest.raises(TypeError):
        canonical({"data": odd})
