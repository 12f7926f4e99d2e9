"""Which known name a name is taken for a slip of."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches

from hypothesis import example, given
from hypothesis import strategies as st

from esmith.names import nearest

_NAMES = st.text(alphabet="abcdeSé", max_size=10)


@given(name=_NAMES, known=st.lists(_NAMES, unique=True, max_size=8))
@example(name="stauts", known=["status"])
@example(name="a" * 6, known=["a" * 10])
def test_what_is_left_out_early_is_not_close(name: str, known: list[str]) -> None:
    """The name found is the one difflib finds among all; only one that differs in capitals comes before it."""
    found = nearest(name, known)
    slips = [other for other in known if other != name and other.lower() == name.lower()]
    others = [other for other in known if other != name]
    close = get_close_matches(name, others, n=1, cutoff=0.75)
    assert found == (slips[0] if slips else close[0] if close else None)
    if found is not None and not slips:
        assert SequenceMatcher(None, found, name).ratio() >= 0.75
