"""A corpus of flat files, sound and broken: what an import takes from each, and what it reports about each line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from esmith.errors import EsmithError
from esmith.store.flat import source
from esmith.store.flat.format import format_record
from esmith.store.flat.source import FlatSource, find_sources
from esmith.store.model import Record
from esmith.store.protocol import Store
from tests.examples import examples
from tests.store.flat import DATABASES, LONGEST
from tests.store.stores import put

#: A finding as the tests write it: line, place, kind, part of the message.
Found = tuple[int, str, str, str]

HEADER = b"""\
# DO NOT MODIFY THIS FILE.
# This file is automatically maintained by the Mitel Networks SME Server
# configuration software.  Manually editing this file may put your 
# system in an unknown state.
#
# updated: Sun Nov 22 07:17:57 2026
"""  # noqa: W291

#: What a file holds, the records that are taken from it, and the findings.
CORPUS: dict[str, tuple[bytes, dict[str, str], list[Found]]] = {
    "as the original wrote it": (
        HEADER + b"Foo=Bar\nSquid=cephalopod|arms|10|species|Loligo\nempty=\n",
        {"Foo": "Bar", "Squid": "cephalopod|arms|10|species|Loligo", "empty": ""},
        [],
    ),
    "nothing": (b"", {}, []),
    "only comments": (HEADER + b"\n  # x\n\t\n", {}, []),
    "no newline at the end": (b"a=1\nb=2", {"a": "1", "b": "2"}, []),
    "a commented record": (b"#a=1\n # b=2\na#=3\n", {"a#": "3"}, []),
    "escaped bars": (rb"k=t|p|a\|b|q|\||r|c\\|d", {"k": r"t|p|a\|b|q|\||r|c\\|d"}, []),
    "newline in a value": (
        rb"k=t|p|one\ntwo|q|kept",
        {"k": "t|q|kept"},
        [(1, "k p", "refused", "a value cannot contain a newline")],
    ),
    "newline in a type": (rb"k=one\ntwo", {}, [(1, "k", "refused", "a value cannot contain a newline")]),
    "carriage return in a value": (
        b"k=t|p|one\r\\ntwo\na=1",
        {"k": "t", "a": "1"},
        [(1, "k p", "refused", "a value cannot contain a")],
    ),
    "lines of Windows": (
        b"# c\r\nk=t|p|v\r\n\r\na=1\r\n",
        {"k": "t|p|v", "a": "1"},
        [(1, "", "repaired", "carriage return, which was left out; so do 3 more")],
    ),
    "one line of Windows": (b"k=v\na=1\r", {"k": "v", "a": "1"}, [(2, "", "repaired", "carriage return")]),
    "byte order mark": (b"\xef\xbb\xbf# c\nk=v\n", {"k": "v"}, [(1, "", "repaired", "byte order mark")]),
    "Latin-1 in a value": (
        b"k=t|City|M\xfcnchen|Country|\xc3\x96sterreich\n",
        {"k": "t|City|München|Country|Österreich"},
        [(1, "k City", "repaired", "the value is not UTF-8: read as Latin-1")],
    ),
    "Latin-1 in a type": (b"k=M\xfcnchen", {"k": "München"}, [(1, "k", "repaired", "read as Latin-1")]),
    "Latin-1 in a key": (b"M\xfcller=v", {"Müller": "v"}, [(1, "Müller", "repaired", "the key is not UTF-8")]),
    "Latin-1 in a property": (b"k=t|\xe4|v", {"k": "t|ä|v"}, [(1, "k ä", "repaired", "the name is not UTF-8")]),
    "a key in both": (
        b"\xe4=latin\n\xc3\xa4=utf\n",
        {"ä": "utf"},
        [(1, "ä", "refused", "cannot be kept beside the one of line 2")],
    ),
    "a property in both": (
        b"k=t|\xe4|latin|\xc3\xa4|utf",
        {"k": "t|ä|utf"},
        [(1, "k ä", "refused", "stands there twice, in different bytes")],
    ),
    "bytes of Windows": (b"k=t|p|\x80", {"k": "t"}, [(1, "k p", "repaired", ""), (1, "k p", "refused", "control")]),
    "a record twice": (
        b"k=first|p|1\na=1\nk=second\n",
        {"a": "1", "k": "second"},
        [(3, "k", "repaired", "line 1 does not count")],
    ),
    "a record three times": (
        b"k=1\nk=2\nk=3\n",
        {"k": "3"},
        [(2, "k", "repaired", "line 1"), (3, "k", "repaired", "line 2")],
    ),
    "the last of two is refused": (
        b"k=1\nk=a\\nb\n",
        {},
        [(2, "k", "repaired", "line 1 does not count"), (2, "k", "refused", "a newline")],
    ),
    "no equals sign": (b"a=1\nnonsense\n", {"a": "1", "nonsense": ""}, [(2, "", "repaired", "there is no '='")]),
    "odd fields": (b"k=t|a|1|b", {"k": "t|a|1|b|"}, [(1, "", "repaired", "without a value")]),
    "a bar that is not escaped": (b"k=t|Password|ab|cd", {"k": "t|Password|ab|cd|"}, [(1, "", "repaired", "without")]),
    "a property twice": (b"k=t|a|1|b|x|a|2", {"k": "t|a|2|b|x"}, [(1, "", "repaired", "'a' stands there twice")]),
    "empty property name": (b"k=t||1|a|2", {"k": "t|a|2"}, [(1, "k", "refused", "name cannot be empty")]),
    "bar in a property name": (rb"k=t|a\|b|1", {"k": "t"}, [(1, r"k a\|b", "refused", "cannot contain '|'")]),
    "bar in a type": (rb"k=a\|b|p|1", {}, [(1, "k", "refused", "a type cannot contain '|'")]),
    "no type": (b"k=|a|1", {"k": "|a|1"}, [(1, "k", "doubtful", "no type")]),
    "blanks around a key": (b" b = 1\n", {"b": " 1"}, [(1, "b", "repaired", "blanks around the key")]),
    "a key with and without blanks": (
        b"b=1\nb = 2\n",
        {"b": "1"},
        [(2, "b", "refused", "cannot be kept beside the one of line 1")],
    ),
    "empty key": (b"=v\n", {}, [(1, "", "refused", "a key cannot be empty")]),
    "a key of blanks": (b" \t=v\n", {}, [(1, "", "refused", "a key cannot be empty")]),
    "NUL in a value": (b"k=a\0b\n", {}, [(1, "k", "refused", "a NUL")]),
    "NUL in a key": (b"a=1\nk\0=v\n", {"a": "1"}, [(2, "k\\x00", "refused", "a key cannot contain a NUL")]),
    "escape sequence": (b"k=t|p|\x1b[2J", {"k": "t"}, [(1, "k p", "refused", r"control character '\x1b'")]),
    "control character in a property": (b"k=t|a\x07|1", {"k": "t"}, [(1, r"k a\x07", "refused", "control")]),
    "long value": (b"k=t|p|" + b"x" * 65_537, {"k": "t"}, [(1, "k p", "refused", "at most 65536")]),
    "longest value": (b"k=t|p|" + b"x" * 65_536, {"k": "t|p|" + "x" * 65_536}, []),
    "long key": (b"k" * 511 + b"=v", {}, [(1, "k" * 57 + "...", "refused", "at most 511")]),
    "long property": (
        b"k=t|" + b"p" * 510 + b"|v",
        {"k": "t"},
        [(1, "k " + "p" * 57 + "...", "refused", "at most 511")],
    ),
    "an exact comment": (
        b'# exact: {"name": "k", "type": "t", "props": {"p": "C:\\\\new"}}\nk=t|p|C:\\new\n',
        {"k": r"t|p|C:\new"},
        [],
    ),
    "an exact comment of another line": (
        b'# exact: {"name": "k", "type": "t", "props": {"p": "C:\\\\new"}}\nk=t|p|other\n',
        {"k": "t|p|other"},
        [(2, "", "repaired", "the comment before the line does not belong to it")],
    ),
    "another text": (b"Dear all,\n# x\nthe server moves.\n", {}, [(0, "", "refused", "no line has a '='")]),
    "binary": (b"\0\0\0\0\xff=\n", {}, [(0, "", "refused", "is no text")]),
}


def read(path: Path, database: str = "t") -> FlatSource:
    """Read a file for a database."""
    source = FlatSource(str(path), database)
    source.read()
    return source


@pytest.mark.parametrize(("data", "records", "findings"), CORPUS.values(), ids=CORPUS.keys())
def test_the_corpus(tmp_path: Path, data: bytes, records: dict[str, str], findings: list[Found]) -> None:
    """Everything that can be stored is taken; every line that was repaired or refused is named, and no other."""
    path = tmp_path / "file"
    path.write_bytes(data)
    source = read(path)
    assert {key: record.raw for key, record in source.records.items()} == records
    found = [(finding.line, finding.place, finding.kind) for finding in source.ordered_findings]
    assert found == [finding[:3] for finding in findings]
    for finding, expected in zip(source.ordered_findings, findings, strict=True):
        assert expected[3] in finding.message
        assert finding.message.isprintable()
    assert all(source.lines[key] for key in records)
    assert len(source.refused) == [finding[2] for finding in findings].count("refused")


#: Lines of which a character or a field may make another record, or none.
LINES = st.lists(
    st.tuples(
        st.sampled_from(["k", "k ", "l", "#c", "é", "", "x" * 300, "k\\n"]),
        st.sampled_from(["=", "=t", "=t|p|1", "=t|p|1|q|2", "=t|q|2|p|1", "=t|p|1|p|2", "=t|p", "=|p|1", ""])
        | st.text(st.sampled_from("=|\\np1é \t"), max_size=8).map(lambda text: f"=t{text}"),
        st.sampled_from(
            ["", "", "\r", "|r|\\n", "|" + "y" * 300 + "|1", '\n# exact: {"name": "k", "type": "t", "props": {}}']
        ),
    ).map("".join),
    max_size=6,
)


@given(lines=LINES)
@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_plain_lines_are_read_as_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    """What is kept as a line is, taken apart, the record that looking at each field gives, with the same findings."""
    path = tmp_path / "file"
    path.write_text("\n".join(["first=1", *lines]), newline="")
    quick = read(path)
    with monkeypatch.context() as patch:
        patch.setattr(source.Records, "plain_key", lambda *_: "")
        slow = read(path)
    assert dict(quick.records) == dict(slow.records)
    assert [list(record.props) for record in quick.records.values()] == [
        list(record.props) for record in slow.records.values()
    ]
    assert list(quick.lines.items()) == list(slow.lines.items())
    assert [(one.line, one.place, one.kind, one.message) for one in quick.findings] == [
        (one.line, one.place, one.kind, one.message) for one in slow.findings
    ]


def test_what_is_taken_can_be_stored(tmp_path: Path, store: Store) -> None:
    """The store accepts every record that the corpus gives."""
    for number, (data, _, _) in enumerate(CORPUS.values()):
        (tmp_path / "file").write_bytes(data)
        for record in read(tmp_path / "file").records.values():
            put(store, f"t{number}", record.key, record.type, record.props)
            with store.snapshot() as snapshot:
                assert snapshot.record(f"t{number}", record.key) == record


def test_findings_hold_no_value(tmp_path: Path) -> None:
    """No finding quotes a value: it might be a password."""
    for data, _, _ in CORPUS.values():
        (tmp_path / "file").write_bytes(data.replace(b"one", b"Secr3t").replace(b"M\xfc", b"Secr3t\xfc"))
        for finding in read(tmp_path / "file").findings:
            assert "Secr3t" not in finding.message


@given(DATABASES)
@example({LONGEST.key: LONGEST})
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_import_of_an_export(tmp_path: Path, records: dict[str, Record]) -> None:
    """Whatever can be stored is read back exactly from its export, without a finding."""
    path = tmp_path / "file"
    path.write_text("".join(f"{format_record(record)}\n" for record in records.values()))
    source = read(path)
    assert source.records == records
    assert [finding for finding in source.findings if finding.kind != "doubtful"] == []


#: Names of files in a directory, and why one is left out; "" when it is a database.
NAMES = {
    "configuration": "",
    "yum_repositories": "",
    "spamassassin": "",
    "data.mdb": "a file of this store",
    "lock.mdb": "a file of this store",
    ".hidden": "hidden",
    "configuration.lock": "a lock file",
    "configuration~": "a backup file",
    "accounts.rpmsave": "a backup file",
    "accounts.bak": "a backup file",
    "configuration.4711": "interrupted",
    "other.4711": "",
}


def test_the_files_of_a_directory(tmp_path: Path) -> None:
    """Of a directory every database file is read; locks, backups and hidden files are left out and named."""
    for name in NAMES:
        (tmp_path / name).write_text("k=v\n")
    (tmp_path / "navigation").mkdir()
    os.mkfifo(tmp_path / "fifo")
    sources, skipped = find_sources(str(tmp_path))
    assert [source.database for source in sources] == sorted(name for name, reason in NAMES.items() if not reason)
    reasons = {name: reason for name, reason in NAMES.items() if reason} | {
        "navigation": "a directory",
        "fifo": "no file",
    }
    assert skipped.keys() == {str(tmp_path / name) for name in reasons}
    assert all(reason in skipped[str(tmp_path / name)] for name, reason in reasons.items())


def test_no_file(tmp_path: Path) -> None:
    """What is missing, and a directory without a database, is an error."""
    for path in (tmp_path, tmp_path / "nosuch"):
        with pytest.raises(EsmithError, match=str(path)):
            find_sources(str(path))
    with pytest.raises(EsmithError, match="nosuch"):
        read(tmp_path / "nosuch")


def test_names_of_files(tmp_path: Path) -> None:
    """A file whose name no database can have is refused as a whole."""
    (tmp_path / "a b").write_text("k=v\n")
    source = read(tmp_path / "a b", "a b")
    assert not source.usable
    assert [finding.kind for finding in source.findings] == ["refused"]
