"""Messages between Perl and Python."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.perl.protocol import MAX_BYTES, MAX_FIELDS, MessageReader, ProtocolError, encode


def _pieces(data: bytes, size: int) -> Callable[[int], bytes]:
    """Return a stream that gives at most ``size`` bytes at a time."""
    place = 0

    def read(wanted: int) -> bytes:
        nonlocal place
        start, place = place, place + min(size, wanted)
        return data[start:place]

    return read


def _reader(data: bytes, size: int = 10) -> MessageReader:
    return MessageReader(_pieces(data, size))


def test_the_bytes_are_those_of_the_documentation() -> None:
    """A count, then each field after its length; -1 stands for a missing field."""
    assert encode([b"get", None, b"", b"a\nb"]) == b"4\n3\nget-1\n0\n3\na\nb"


@given(st.lists(st.lists(st.one_of(st.none(), st.binary(max_size=40)), max_size=6), max_size=4), st.integers(1, 50))
def test_messages_come_out_as_they_went_in(messages: list[list[bytes | None]], size: int) -> None:
    """Any bytes, missing fields and empty messages pass, however the stream is cut into pieces."""
    reader = _reader(b"".join(encode(message) for message in messages), size)
    assert [reader.next() for _ in messages] == messages
    assert reader.next() is None


@pytest.mark.parametrize("whole", [b"2\n3\nget", b"1\n3\nge", b"1", b"1\n3", b"1\n"])
def test_an_end_within_a_message_is_an_error(whole: bytes) -> None:
    """A stream that ends in the middle of a message is distinguished from one that ends between two."""
    with pytest.raises(ProtocolError, match="in the middle of a message"):
        _reader(whole).next()


@pytest.mark.parametrize(
    "data", [b"hello, world\n", b"\n", b"+1\n1\nx", b" 1\n1\nx", b"1\n-2\n", b"x" * 1000, b"1\n1e3\n"]
)
def test_garbage_is_an_error(data: bytes) -> None:
    """Whatever is not a count or a length is shown in the message."""
    with pytest.raises(ProtocolError, match="not a message"):
        _reader(data).next()


@pytest.mark.parametrize("data", [b"%d\n" % (MAX_FIELDS + 1), b"1\n%d\n" % (MAX_BYTES + 1), b"2\n1\nx%d\n" % MAX_BYTES])
def test_a_message_that_claims_too_much_is_refused_before_it_is_read(data: bytes) -> None:
    """A count or length beyond the limits is an error at once; a message's fields share one limit."""
    with pytest.raises(ProtocolError, match="too long"):
        _reader(data).next()


def test_a_message_of_minus_one_fields_is_an_error() -> None:
    """Only a field may be missing."""
    with pytest.raises(ProtocolError, match="-1 fields"):
        _reader(b"-1\n").next()
