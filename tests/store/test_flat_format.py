"""The text of flat files: what the original reads in a line, and that every record comes back from what is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings

from esmith.errors import RefusedError
from esmith.store.flat import format as flat_format
from esmith.store.model import Record
from tests.examples import examples
from tests.store.flat import DATABASES, LONGEST, RECORDS, read_as_the_original

#: A line, the record the original reads in it, and part of what is odd about it.
LINES = {
    "scalar": ("Foo=Bar", Record("Foo", "Bar", {}), ""),
    "properties": ("S=c|arms|10|species|L", Record("S", "c", {"arms": "10", "species": "L"}), ""),
    "not sorted": ("S=c|species|L|arms|10", Record("S", "c", {"arms": "10", "species": "L"}), ""),
    "empty value": ("S=c|arms|", Record("S", "c", {"arms": ""}), ""),
    "empty value between": ("S=c|arms||eyes|2", Record("S", "c", {"arms": "", "eyes": "2"}), ""),
    "newline": (r"H=poem|words|Damian\nGod damn", Record("H", "poem", {"words": "Damian\nGod damn"}), ""),
    "backslash before a newline": (r"H=p|w|a\\nb", Record("H", "p", {"w": "a\\\nb"}), ""),
    "newline in the type": (r"H=a\nb", Record("H", "a\nb", {}), ""),
    "bar": (r"k=t|p|a\|b", Record("k", "t", {"p": "a|b"}), ""),
    "backslash bar": (r"k=t|p|a\\|b", Record("k", "t", {"p": r"a\|b"}), ""),
    "bar in the type": (r"k=a\|b|p|v", Record("k", r"a\|b", {"p": "v"}), ""),
    "backslash at the end": ("k=t|p|end\\", Record("k", "t", {"p": "end\\"}), ""),
    "equals signs": ("k=t|p|x=y=z", Record("k", "t", {"p": "x=y=z"}), ""),
    "hash": ("k=t|p|#hash", Record("k", "t", {"p": "#hash"}), ""),
    "blanks": ("k= t |p|  both  ", Record("k", " t ", {"p": "  both  "}), ""),
    "blanks around the key": (" b = 1", Record(" b ", " 1", {}), ""),
    "carriage return": ("k=t|p|v\r", Record("k", "t", {"p": "v\r"}), ""),
    "empty": ("k=", Record("k", "", {}), ""),
    "no type": ("k=|a|1", Record("k", "", {"a": "1"}), ""),
    "empty key": ("=v", Record("", "v", {}), ""),
    "empty property name": ("k=t||1", Record("k", "t", {"": "1"}), ""),
    "no equals sign": ("k", Record("k", "", {}), "there is no '='"),
    "odd fields": ("k=t|a|1|b", Record("k", "t", {"a": "1", "b": ""}), "without a value"),
    "property twice": ("k=t|a|1|a|2", Record("k", "t", {"a": "2"}), "'a' stands there twice"),
    "key with a bar": ("a|b=t", Record("a|b", "t", {}), ""),
    "key with backslash n": (r"a\nb=t", Record(r"a\nb", "t", {}), ""),
    "bytes that are not UTF-8": ("k=\udce9", Record("k", "\udce9", {}), ""),
    "other line ends": ("k=a\x0bb\u2028c\x85d", Record("k", "a\x0bb\u2028c\x85d", {}), ""),
}


@pytest.mark.program("perl")
@pytest.mark.parametrize(("line", "record", "flaw"), LINES.values(), ids=LINES.keys())
def test_a_line(line: str, record: Record, flaw: str) -> None:
    """A line is read as the original reads it, and what is odd about it is reported."""
    data = flat_format.as_bytes(line)
    for whole in (data, data + b"\n", b"# x\n\n \t\r\n  # y\n" + data + b"\n\n"):
        (entry,) = flat_format.parse(whole)
        assert entry.record == record
        assert list(entry.record.props) == sorted(record.props)
        assert entry.flaws == ([] if not flaw else entry.flaws[:1])
        assert flaw in "".join(entry.flaws)
        assert entry.text == line
        assert entry.number == whole[: whole.index(data)].count(b"\n") + 1
    assert read_as_the_original(data) == {record.key: record}


@given(RECORDS)
@example(LONGEST)
@settings(deadline=None)
def test_what_is_written_is_read(record: Record) -> None:
    """Every record that can be stored is read back exactly from what is written for it."""
    (entry,) = flat_format.parse(flat_format.format_record(record).encode())
    assert entry.record == record
    assert entry.flaws == []


@pytest.mark.program("perl")
@given(DATABASES)
@settings(deadline=None, max_examples=examples(40))
def test_the_original_reads_it_equal_or_a_comment_says_so(records: dict[str, Record]) -> None:
    """The original reads every record as it is; before each that it reads otherwise stands a comment that is exact."""
    texts = {key: flat_format.format_record(record) for key, record in records.items()}
    found = read_as_the_original("".join(f"{text}\n" for text in texts.values()).encode())
    assert found.keys() == records.keys()
    for key, record in records.items():
        assert (found[key] == record) == (not texts[key].startswith("# exact: ")) == flat_format.reads_equal(record)
        assert found[key] == flat_format.as_the_original(record)


#: Records, and what is written; the comment is there only where the original knows no way to write it.
WRITTEN = {
    "plain": (Record("k", "t", {"b": "2", "a": "1", "B": "3"}), "k=t|B|3|a|1|b|2"),
    "bars": (Record("k", "t", {"p": r"a|b\|c"}), r"k=t|p|a\|b\\|c"),
    "newline": (Record("k", "t", {"p": "a\nb"}), r"k=t|p|a\nb"),
    "trailing blanks": (Record("k", "t", {"p": "v  "}), "k=t|p|v  "),
    "backslash at the end": (Record("k", "t", {"a": "x\\", "b": "y"}), "k=t|b|y|a|x\\"),
    "backslash at the end of the type": (Record("k", "t\\", {}), "k=t\\"),
    "backslash n": (
        Record("k", "t", {"p": r"C:\new"}),
        '# exact: {"name": "k", "type": "t", "props": {"p": "C:\\\\new"}}\nk=t|p|C:\\new',
    ),
    "two backslashes at ends": (
        Record("k", "t", {"a": "x\\", "b": "y\\"}),
        '# exact: {"name": "k", "type": "t", "props": {"a": "x\\\\", "b": "y\\\\"}}\nk=t|a|x\\|b|y\\',
    ),
}


@pytest.mark.parametrize(("record", "text"), WRITTEN.values(), ids=WRITTEN.keys())
def test_what_is_written(record: Record, text: str) -> None:
    """Properties are sorted by bytes, bars escaped; a value that ends in a backslash comes last."""
    assert flat_format.format_record(record) == text


EXACT = '# exact: {"name": "k", "type": "t", "props": {"p": "C:\\\\new"}}\n'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (EXACT + "k=t|p|C:\\new", "C:\\new"),
        (EXACT + "k=t|p|C:\\new2", "C:\new2"),  # somebody changed the line
        (EXACT + "# another\nk=t|p|C:\\new", "C:\new"),
        (EXACT + EXACT + "k=t|p|C:\\new", "C:\\new"),
        ("# exact: {broken\nk=t|p|C:\\new", "C:\new"),
        ("# exact: [1]\nk=t|p|C:\\new", "C:\new"),
        ('# exact: {"name": "k", "type": "t", "props": {"p": 1}}\nk=t|p|C:\\new', "C:\new"),
        ('# exact: {"name": "k", "type": "t", "props": {"\\ud800": ""}}\nk=t|p|C:\\new', "C:\new"),
        (f"# exact: {'[' * 100_000}\nk=t|p|C:\\new", "C:\new"),
    ],
)
def test_an_exact_comment_counts_only_for_its_line(text: str, value: str) -> None:
    """The comment counts only right before the line it was written with; a broken one is reported and left out."""
    (entry,) = flat_format.parse(text.encode())
    assert entry.record.props == {"p": value}
    assert bool(entry.flaws) == (value != "C:\\new" and "another" not in text)


def test_the_header() -> None:
    """A file begins with the original's comment, to the byte; one line ends in a blank."""
    expected = (
        "# DO NOT MODIFY THIS FILE.\n"
        "# This file is automatically maintained by the Mitel Networks SME Server\n"
        "# configuration software.  Manually editing this file may put your \n"
        "# system in an unknown state.\n"
        "#\n"
        r"# updated: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}" + "\n"
    )
    assert re.fullmatch(expected, flat_format.header())


@pytest.mark.parametrize("key", ["", " k", "k\t", "\rk", "#k", "a=b", "a\nb", "a\0b"])
def test_keys_that_would_be_lost(key: str) -> None:
    """A key that could not be found again is refused."""
    with pytest.raises(RefusedError):
        flat_format.check_key("/f", key)
