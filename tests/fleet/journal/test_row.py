"""A row as bytes: what was encoded is decoded the same, and what is not exactly a row is refused."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.fields import replace
from esmith.fleet.journal.chain import check_next
from esmith.fleet.journal.checking import LARGEST_ROW, MOST_BLOBS, check_changes
from esmith.fleet.journal.errors import NewerRowError, RowError
from esmith.fleet.journal.row import BODY_LIMIT, FORMAT, KINDS, Row, decode, encode, hash_of
from esmith.store.limits import MAX_VALUE_BYTES
from tests.examples import examples
from tests.fleet.journal.journals import NOW, Journal, data_of, forge, key_of

_names = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,62}", fullmatch=True)
_times = st.integers(0, 2**53 - 1)
_publics = st.sampled_from([key_of(name).public for name in ("one", "two", "three")])
_texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30)
_plain = st.from_regex(r"[A-Za-z0-9_@ü]{1,20}", fullmatch=True)
_values = st.none() | _texts
_changes = st.tuples(
    st.just("fleet") | _names.map("group:{}".format),
    st.sampled_from(["configuration", "accounts", "networks"]),
    _plain,
    _plain,
    _values,
)
_types = st.tuples(st.just("fleet"), st.just("configuration"), _plain, st.just(""), st.none() | _plain)
_groups = st.lists(_names, max_size=4, unique=True).map(tuple)
_OWN: dict[str, st.SearchStrategy[Any]] = {
    "changes": st.lists(_changes | _types, min_size=1, max_size=6).map(tuple),
    "name": _names,
    "key": _publics,
    "until": _times,
    "groups": _groups,
    "event": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True),
    "hosts": _groups,
}


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Draw any row."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    number = draw(st.integers(1, 10**12 - 1))
    return Row(
        fleet=draw(_names),
        revision=number,
        previous="" if number == 1 else draw(st.sampled_from(["0" * 64, "a9" * 32])),
        host=draw(_names),
        token=draw(st.sampled_from(["0" * 32, "5f" * 16])),
        time=draw(_times),
        program=draw(st.sampled_from(["0.1.0", "1.2~rc1"])),
        kind=kind,
        author=(draw(_texts), draw(_texts), tuple(draw(st.lists(_texts, max_size=4)))),
        **{name: draw(_OWN[name]) for name in KINDS[kind]},
    )


@settings(deadline=None, max_examples=examples(100))
@given(rows())
def test_any_row_comes_back(row: Row) -> None:
    """A row of any kind is decoded as it was encoded, and its bytes are the same again."""
    raw = encode(row, key_of("mail1"))
    assert decode(raw) == row
    assert encode(decode(raw), key_of("mail1")) == raw


@settings(deadline=None, max_examples=examples(200))
@given(st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    """No byte of a row can be changed, put in or left out without being refused: by its form or by its signature."""
    raw, journal = _SIGNED, _JOURNAL
    place = data.draw(st.integers(0, len(raw) - 1))
    piece = data.draw(st.binary(max_size=2).filter(lambda piece: piece != raw[place : place + 1]))
    changed = raw[:place] + piece + raw[place + 1 :]
    with pytest.raises(RowError):
        check_next(journal.chain.head, changed, journal.chain.members)


_JOURNAL = Journal("mail1", "mail2")
_CHANGES = (
    ("fleet", "configuration", "qpsmtpd", "DNSBL", "enabled"),
    ("group:mx", "configuration", "qpsmtpd", "", "service"),
    ("fleet", "accounts", "ü", "Name", None),
)
_ROW = _JOURNAL.next("mail2", "changes", changes=_CHANGES)
_SIGNED = encode(_ROW, key_of("mail2"))


def test_the_row_of_these_tests_fits() -> None:
    """Unchanged, the row whose bytes are changed is the next one."""
    assert check_next(_JOURNAL.chain.head, _SIGNED, _JOURNAL.chain.members) == _ROW


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None, max_examples=examples(100))
@given(st.binary(max_size=300) | _json.map(lambda data: b"A" * 86 + b"==\n" + json.dumps(data).encode()))
def test_random_bytes_are_a_row_error(raw: bytes) -> None:
    """Whatever bytes somebody writes into etcd, they are refused as no row, and in no other way."""
    with pytest.raises(RowError):
        decode(raw)


@settings(deadline=None, max_examples=examples(100))
@given(st.sampled_from(sorted(data_of(_SIGNED))), _json)
def test_random_fields_are_a_row_error(field: str, value: Any) -> None:
    """A row whose field holds anything else is refused, or is a row that says something else."""
    data = data_of(_SIGNED)
    try:
        raw = forge(data | {field: value}, key_of("mail2"))
    except UnicodeEncodeError:
        return
    try:
        row = decode(raw)
    except RowError as error:
        assert error.message
    else:
        assert encode(row, key_of("mail2")) == raw


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("fleet", "Mail", "cannot be its fleet"),
        ("host", "-mail", "cannot be its host"),
        ("host", "m" * 64, "cannot be its host"),
        ("revision", True, "cannot be its number"),
        ("revision", 10**12, "cannot be its number"),
        ("revision", 1, "row 1 follows no other"),
        ("previous", "", "row 1 follows no other"),
        ("previous", "A" * 64, "no hash"),
        ("token", "0" * 31, "token"),
        ("time", 1.0, "time"),
        ("time", -1, "time"),
        ("program", "a\nb", "version"),
        ("author", ["root", ""], "author"),
        ("author", ["root", "", ["a\0b"]], "author"),
        ("author", ["root", "", ["\x1b[2J"]], "author"),
        ("kind", "rewrite", "no kind"),
        ("kind", [], "no kind"),
        ("extra", 1, "no 'extra'"),
        ("changes", [], "changes nothing"),
        ("changes", {}, "changes nothing"),
        ("changes", [["fleet", "configuration", "a", "b"]], "five fields"),
        ("changes", [["host", "configuration", "a", "b", "c"]], "layer of a host"),
        ("changes", [["host:mail1", "configuration", "a", "b", "c"]], "layer of a host"),
        ("changes", [["group:", "configuration", "a", "b", "c"]], "no layer"),
        ("changes", [["group:A", "configuration", "a", "b", "c"]], "no layer"),
        ("changes", [["", "configuration", "a", "b", "c"]], "no layer"),
        ("changes", [["fleet", "=fleet", "a", "b", "c"]], "name of a database"),
        ("changes", [["fleet", "../x", "a", "b", "c"]], "name of a database"),
        ("changes", [["fleet", "configuration", "", "b", "c"]], "key"),
        ("changes", [["fleet", "configuration", "a=", "b", "c"]], "key"),
        ("changes", [["fleet", "configuration", "a\0b", "b", "c"]], "key"),
        ("changes", [["fleet", "configuration", "a" * 300, "b" * 300, "c"]], "bytes together"),
        ("changes", [["fleet", "configuration", "a", "b|c", "c"]], "property"),
        ("changes", [["fleet", "configuration", "a", "", "b|c"]], "type"),
        ("changes", [["fleet", "configuration", "a", "b", "c\nd"]], "newline"),
        ("changes", [["fleet", "configuration", "a", "b", 1]], "value"),
        ("changes", [[1, "configuration", "a", "b", "c"]], "not a text"),
        ("changes", [["fleet", 1, "a", "b", "c"]], "not a text"),
        ("changes", [["fleet", "configuration", 1, "b", "c"]], "not a text"),
        ("changes", [["fleet", "configuration", "a", 1, "c"]], "not a text"),
        ("changes", [["fleet", "configuration", "a", "b", "c\nd"]], "configuration a b: a value"),
        ("time", 2**53, "time"),
        ("previous", 1, "no hash"),
        ("author", ["root", "", ["a" * 65537]], "author"),
        ("program", "1" * 65, "version"),
        ("program", "", "version"),
        ("changes", [["fleet", "configuration", "a", "b", "c" * (MAX_VALUE_BYTES + 1)]], "at most"),
    ],
)
def test_each_field_is_checked(field: str, value: Any, why: str) -> None:
    """A field that holds what it may not is refused, with the reason, also where its signature is right."""
    with pytest.raises(RowError, match=why):
        decode(forge(data_of(_SIGNED) | {field: value}, key_of("mail2")))


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("join", {"name": "mail3", "key": "short", "groups": []}, "key"),
        ("join", {"name": "mail3", "key": key_of("x").public + "\n", "groups": []}, "key"),
        ("join", {"name": "mail3", "key": key_of("x").public, "groups": ["a", "a"]}, "twice"),
        ("groups", {"groups": [f"g{number}" for number in range(33)]}, "32"),
        ("groups", {"groups": "mx"}, "groups"),
        ("groups", {"groups": ["A"]}, "'A' cannot be its group"),
        ("signal", {"event": "email-update", "hosts": ["A"], "until": 1}, "'A' cannot be its host"),
        ("signal", {"event": "email-update", "hosts": "a", "until": 1}, "hosts"),
        ("signal", {"event": "--root=/x", "hosts": [], "until": 1}, "event"),
        ("signal", {"event": "../x", "hosts": [], "until": 1}, "event"),
        ("signal", {"event": "email-update", "hosts": ["a", "a"], "until": 1}, "twice"),
        ("changes", {"blobs": []}, "blobs"),
        ("changes", {"blobs": ["x"]}, "digest"),
        ("changes", {"blobs": [1]}, "digest"),
        ("changes", {"blobs": ["0" * 64], "changes": [list(_CHANGES[0])]}, "no 'changes'"),
        ("leave", {"name": "mail1"}, "no 'name'"),
        ("remove", {}, "name is missing"),
    ],
)
def test_the_fields_of_other_kinds(kind: str, fields: dict[str, Any], why: str) -> None:
    """What the rows of each kind have besides is checked too, and nothing may be there that is not theirs."""
    data = {name: value for name, value in data_of(_SIGNED).items() if name != "changes"}
    with pytest.raises(RowError, match=why):
        decode(forge(data | {"kind": kind} | fields, key_of("mail2")))


def _signed(body: bytes) -> bytes:
    return b64encode(key_of("mail2").sign(body)) + b"\n" + body


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'":', b'": '),
        lambda body: body + b"\n",
        lambda body: b" " + body,
        lambda body: body.replace(b'"fleet":"mail"', b'"fleet":"\\u006dail"'),
        lambda body: body.replace("ü".encode(), b"\\u00fc"),
        lambda body: body.replace(b'{"author"', b'{"author":["a","b",[]],"author"'),
        lambda body: body.replace(b'"fleet":"mail","format":1', b'"format":1,"fleet":"mail"'),
    ],
)
def test_there_is_one_way_to_write_a_row(change: Callable[[bytes], bytes]) -> None:
    """The same row written in another way is refused, though its signature is right: its hash would be another."""
    body = _SIGNED.partition(b"\n")[2]
    assert decode(_signed(body)) == _ROW
    assert change(body) != body
    with pytest.raises(RowError, match="by host mail2, .*not written in the one form"):
        decode(_signed(change(body)))


def test_there_is_one_way_to_write_a_signature() -> None:
    """Base64 that stands for the same signature in another way is refused, and so is a key written so."""
    text, _, body = _SIGNED.partition(b"\n")
    other = text[:85] + bytes([text[85] + 1]) + text[86:]
    assert b64decode(other) == b64decode(text)
    for wrong in (other, text[:40] + b"\n" + text[40:], text[:-2] + b"**", text[:-4], b"\xff" * 88):
        with pytest.raises(RowError, match="begin with a signature"):
            decode(wrong + b"\n" + body)
    with pytest.raises(RowError, match="begin with a signature"):
        decode(text + b" " + body)
    public = key_of("mail1").public
    same = public[:42] + chr(ord(public[42]) + 1) + "="
    assert b64decode(same) == b64decode(public)
    with pytest.raises(RowError, match="its key is not one"):
        encode(_JOURNAL.next("mail3", "join", name="mail3", key=same), key_of("mail3"))


def test_limits_can_be_reached() -> None:
    """What is just within a limit is a row: number, time, groups, names, version."""
    row = _JOURNAL.next("mail2", "groups", groups=tuple(f"g{number:062}" for number in range(32)))
    row = replace(row, revision=10**12 - 1, time=2**53 - 1, program="1" * 64)
    assert decode(encode(row, key_of("mail2"))) == row


def test_what_is_nested_too_deep() -> None:
    """However deep a field is nested, it is refused as any other that is wrong."""
    text, _, body = _SIGNED.partition(b"\n")
    for depth in range(1, 1200, 7):
        nested = b"[" * depth + b"]" * depth
        for field in (b'"fleet":"mail"', b'"format":1', b'"kind":"changes"'):
            assert field in body
            with pytest.raises(RowError):
                decode(text + b"\n" + body.replace(field, field.partition(b":")[0] + b":" + nested))


def test_a_row_of_many_databases_is_refused() -> None:
    """No row has more databases than a store has room for at once: it would stop every host, and could not be cut."""
    change = [("fleet", f"d{number}", "k", "", "t") for number in range(257)]
    check_changes(change[:-1])
    with pytest.raises(RowError, match="256 databases"):
        check_changes(change)


def test_the_largest_changeset() -> None:
    """A changeset that fills all blobs to the last byte is stored; blobs are split where they are full."""
    assert (MOST_BLOBS * BODY_LIMIT, LARGEST_ROW) == (128 * 2**20, 2**20)
    with pytest.raises(RowError, match="more than 1048576 bytes"):
        decode(b"x" * (LARGEST_ROW + 1))


def test_what_cannot_be_encoded() -> None:
    """A row with a field that is wrong, or not of its kind, is not written at all."""
    for row in (replace(_ROW, name="mail1"), replace(_ROW, changes=()), replace(_ROW, kind="x")):
        with pytest.raises(RowError):
            encode(row, key_of("mail2"))


def test_a_newer_format_says_so() -> None:
    """A row of a newer version is an error of its own, whose cure is to upgrade; what is no format is just wrong."""
    data = data_of(_SIGNED) | {"format": FORMAT + 1, "new": {}}
    with pytest.raises(NewerRowError, match="row 4 of the fleet's journal, by host mail2, .* newer") as caught:
        check_next(_JOURNAL.chain.head, forge(data, key_of("mail2")), _JOURNAL.chain.members)
    assert caught.value.hint == "upgrade this host"
    assert (caught.value.revision, caught.value.host) == (4, "mail2")
    for value in (0, "1", True, None, 1.0):
        with pytest.raises(RowError, match="which there is not") as other:
            decode(forge(data | {"format": value}, key_of("mail2")))
        assert not isinstance(other.value, NewerRowError)


def test_what_a_row_looks_like() -> None:
    """The bytes of a row stay what they are: every host and every version hashes the same."""
    common = ("mail", 1, "", "mail1", "0" * 32, NOW, "0.1.0", "join", ("root", "", ()))
    row = Row(*common, name="mail1", key=key_of("mail1").public)
    raw = encode(row, key_of("mail1"))
    assert raw.partition(b"\n")[2].decode() == (
        '{"author":["root","",[]],"fleet":"mail","format":1,"groups":[],"host":"mail1",'
        f'"key":"{key_of("mail1").public}","kind":"join","name":"mail1","previous":"","program":"0.1.0",'
        '"revision":1,"time":1800000000,"token":"00000000000000000000000000000000"}'
    )
    assert hash_of(raw) == "15f5ffbf8b24c5716c30edc49f41cb2741fa0f15ee45dbbd1e47574a8589d7aa"
