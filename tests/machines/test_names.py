"""The name server of the machines."""

from __future__ import annotations

from tests.machines.names import answer

ASKED = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\4mail\7example\3com\0\0\1\0\1"


def test_no_name_is_known() -> None:
    """The answer has the number and the question, no record, and says that there is no such name (RFC 1035)."""
    found = answer(ASKED)
    assert found[:2] == ASKED[:2]
    assert found[2] & 0x80
    assert found[3] & 0x0F == 3
    assert found[4:12] == b"\0\1" + b"\0" * 6
    assert found[12:] == ASKED[12:]


def test_additions_are_left_out() -> None:
    """Of a question with more records, as EDNS adds one, only the question is in the answer."""
    more = ASKED[:11] + b"\1" + ASKED[12:] + b"\0\0\x29\x10\0\0\0\0\0\0\0"
    assert answer(more)[12:] == ASKED[12:]


def test_what_is_no_question() -> None:
    """Too little, and an answer, get no answer."""
    assert answer(b"") == answer(ASKED[:11]) == answer(answer(ASKED)) == b""
