"""The limits of a record at once, which have to be those of each part by itself."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from esmith.errors import RefusedError
from esmith.store import limits

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "status", "a|b", "a\tb", "a\nb", "é", "x" * 300, "x" * 600, "y" * 70_000, "\ud800"]),
)


def _refusal(check: Callable[[], None]) -> str:
    try:
        check()
    except RefusedError as error:
        return f"{error.place}: {error.message}"
    return ""


@given(key=_TEXTS, type=_TEXTS, props=st.dictionaries(_TEXTS, _TEXTS, max_size=4))
def test_together_and_one_by_one(key: str, type: str, props: dict[str, str]) -> None:
    """A record is refused as a whole exactly where a part of it is by itself, and with the same words."""

    def one_by_one() -> None:
        limits.check_key("accounts", key)
        limits.check_type("accounts", key, type)
        for prop, value in props.items():
            limits.check_property("accounts", key, prop)
            limits.check_value(f"accounts {key} {prop}", value)

    assert _refusal(lambda: limits.check_record("accounts", key, type, props)) == _refusal(one_by_one)
