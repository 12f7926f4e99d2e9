"""Small databases of a script's own: files behind the same modules (docs/perl.md#a-database-of-the-scripts-own)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from esmith.errors import RefusedError, StoreError, UsageError
from esmith.layout import Layout
from esmith.perl.service import StoreService
from esmith.perl.sources import SnapshotSource, StoreSource, TransactionSource
from esmith.schema.load import Schema
from esmith.store import open_flat, open_store
from esmith.store.model import Author
from tests.commands import TIMEOUT_SECONDS, Root
from tests.events.kit import make_event
from tests.perl.kit import Script
from tests.perl.test_service import WRITES, _Log

PROCESSES = 3
EACH = 40
EACH_COMMAND = 8
AUTHOR = Author("tester", "", ["S20x"])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the path of a file the original might have written."""
    file = tmp_path / "own" / "counters"
    file.parent.mkdir()
    file.write_text("# by hand\nmails=count|note|a\\|b|today|5\nplain=Bar\n")
    return file


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.program("perl")
def test_a_file_is_a_database(script: Script, own: Path) -> None:
    """Every class and every way of reading finds what stands in the file; a bar in a value has no backslash."""
    assert script.shown(
        f"""
        use esmith::DB::db; use esmith::ConfigDB; use esmith::db;
        my $db = esmith::DB::db->open('{own}') or die esmith::DB->error;
        show($db->keys, $db->file, $db->get_value('plain'), map {{ $db->get_prop('mails', $_) }} qw(note x));
        my %props = $db->get('mails')->props; show(map {{ "$_=$props{{$_}}" }} sort keys %props);
        show(map {{ ($_->key, $_->prop('note')) }} esmith::ConfigDB->open_ro('{own}')->get_all);
        my %hash = esmith::DB::db->as_hash('{own}'); show($hash{{mails}}{{today}}, $hash{{plain}}{{type}});
        tie my %lines, 'esmith::config', '{own}'; show(map {{ ($_, $lines{{$_}}) }} sort keys %lines);
        show(db_get_prop(\\%lines, 'mails', 'note'), esmith::db->open('{own}')->get_type('mails'));
        """
    ) == [
        f"<mails> <plain> <{own}> <Bar> <a|b> undef",
        "<note=a|b> <today=5> <type=count>",
        "<mails> <a|b> <plain> undef",
        "<5> <Bar>",
        "<mails> <count|note|a\\|b|today|5> <plain> <Bar>",
        "<a\\|b> <count>",
    ]
    assert own.read_text().startswith("# by hand\n")


@pytest.mark.program("perl")
def test_every_write_is_in_the_file(script: Script, own: Path) -> None:
    """Methods, the tied hash and the functions on it write lines the original reads; nothing goes into the journal."""
    before = script.root.esmith("history").out
    assert script.shown(
        f"""
        use esmith::DB::db; use esmith::config; use esmith::db;
        my $db = esmith::DB::db->open('{own}'); tie my %lines, 'esmith::config', '{own}';
        my $mails = $db->get('mails');
        show($db->set_prop('mails', 'today', 6), $db->set_value('plain', 'Baz'), $db->set_prop('gone', 'a', 1));
        my %props = (type => 'thing', text => "one\\ntwo", path => 'C:|x');
        show(ref $db->new_record('new', \\%props), $mails->prop('today'));
        show($db->new_record('new', {{ type => 'other' }}) ? 'again' : 'once', $mails->delete_prop('note'));
        $mails->merge_props(a => 1, b => undef);
        $lines{{tied}} = 'line|p|1\\|2'; show(delete $lines{{plain}}, exists $lines{{plain}} ? 1 : 0);
        show(db_set_prop(\\%lines, 'tied', 'q', 'z'), db_set(\\%lines, 'set', 'type', {{ k => 'v' }}));
        show($db->get_prop('tied', 'p'), $db->get_prop('new', 'text'));
        $db->get('set')->reset_props(type => 'fresh', n => 1);
        """
    ) == [
        "<1> <1> <0>",
        "<esmith::DB::db::Record> <6>",
        "<once> <a|b>",
        "<Baz> <0>",
        "<1> <1>",
        "<1|2> <one",
        "two>",
    ]
    assert _lines(own) == [
        "mails=count|a|1|b||today|6",
        "new=thing|path|C:\\|x|text|one\\ntwo",
        "set=fresh|n|1",
        "tied=line|p|1\\|2|q|z",
    ]
    assert script.root.db(str(own), "getprop", "tied", "p").out == "1|2\n"
    assert script.root.esmith("history").out == before


@pytest.mark.program("perl")
def test_files_are_made_and_missed(script: Script, own: Path) -> None:
    """open wants a file, create makes one, a tied hash makes one when it is written; paths may be relative."""
    assert script.shown(
        f"""
        use esmith::DB::db; use esmith::config; chdir '{own.parent}';
        show(scalar esmith::DB::db->open('./new'), esmith::DB->error, scalar esmith::DB::db->open_ro('{own}2'));
        show(ref esmith::DB::db->create('./new'), scalar esmith::DB::db->create('./new'), esmith::DB->error);
        show(esmith::DB::db->open('./new')->keys);
        tie my %lines, 'esmith::config', './tied'; show(keys %lines, -e 'tied' ? 'there' : 'not there');
        $lines{{a}} = 'b'; show(esmith::DB::db->open('{own.parent}/tied')->get_value('a'));
        show(scalar esmith::DB::db->create('{own.parent}/no/such'), esmith::DB->error =~ /no such file/ ? 'why' : 'x');
        """
    ) == [
        "undef <File doesn't exist> undef",
        "<esmith::DB::db> undef <File exists>",
        "",
        "<not there>",
        "<b>",
        "undef <why>",
    ]
    assert sorted(os.listdir(own.parent)) == ["counters", "new", "tied"]
    assert (own.parent / "new").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("esmith::DB::db->open_ro('OWN')->set_value('plain', 'x')", "The DB is open read-only"),
        ("esmith::DB::db->open('OWN')->set_value('a=b', 'x')", "a key cannot begin or end with a blank"),
        ("esmith::DB::db->open('OWN')->set_prop('mails', 'a|b', 'x')", "a property name cannot contain '|'"),
        ('esmith::DB::db->create("DIR/a\\0b") or die esmith::DB->error', "has to be UTF-8"),
        ('esmith::DB::db->create("DIR/a\\xe9") or die esmith::DB->error', "has to be UTF-8"),
        ("esmith::DB::db->open('DIR') or die esmith::DB->error", "is a directory"),
        ("esmith::DB::db->open('DIR/text')->set_value('a', 'b')", "is not a flat database file"),
    ],
)
@pytest.mark.program("perl")
def test_what_cannot_be_done_dies(script: Script, own: Path, call: str, reason: str) -> None:
    """The reason is reported, and the file is as it was."""
    before = own.read_bytes()
    (own.parent / "text").write_text("no record\n")
    code = call.replace("OWN", str(own)).replace("DIR", str(own.parent))
    answer = script.run(f"use esmith::DB::db; {code};", status=None)
    assert reason in answer.err
    assert own.read_bytes() == before
    assert sorted(os.listdir(own.parent)) == ["counters", "text"]


@pytest.mark.program("perl")
def test_bytes_pass(script: Script, own: Path) -> None:
    """Values that are not UTF-8 are read and written as they are, as in the original."""
    own.write_bytes(b"k=t|city|M\xfcnchen\n")
    code = f"use esmith::DB::db; my $db = esmith::DB::db->open('{own}'); $db->set_prop('k', 'b', \"\\xe9\");"
    assert (
        script.run(f"{code} print $db->get_prop('k', 'city');").out.encode("utf-8", "surrogateescape") == b"M\xfcnchen"
    )
    assert own.read_bytes().splitlines()[-1] == b"k=t|b|\xe9|city|M\xfcnchen"


@pytest.mark.program("perl")
def test_many_writers_lose_nothing(script: Script, own: Path) -> None:
    """Scripts with objects, scripts with a tied hash, and the command write one file at once: all of it is there."""
    script.file(
        f"""
        use esmith::DB::db; use esmith::config; use esmith::db; my ($name) = @ARGV;
        my $db = esmith::DB::db->open('{own}'); tie my %lines, 'esmith::config', '{own}';
        $name =~ /0/ ? $db->set_prop('mails', "$name-$_", $_) : db_set_prop(\\%lines, 'mails', "$name-$_", $_)
            for 1 .. {EACH};
        $lines{{"key-$name"}} = 'done';
        """
    )
    command = [script.perl, "-w", str(script.root.path / "script.pl")]
    writers = [subprocess.Popen([*command, f"writer{number}"], env=script.environment()) for number in range(PROCESSES)]
    try:
        for number in range(1, EACH_COMMAND + 1):
            script.root.db(str(own), "setprop", "mails", f"shell-{number}", str(number))
        assert [writer.wait(TIMEOUT_SECONDS) for writer in writers] == [0] * PROCESSES
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    with open_flat(str(own)).snapshot() as snapshot:
        record = snapshot.record(str(own), "mails")
        keys = snapshot.keys(str(own))
    assert record is not None
    expected = {f"writer{writer}-{number}": str(number) for writer in range(PROCESSES) for number in range(1, EACH + 1)}
    expected |= {f"shell-{number}": str(number) for number in range(1, EACH_COMMAND + 1)}
    assert record.props == expected | {"note": "a|b", "today": "5"}
    assert keys == ["key-writer0", "key-writer1", "key-writer2", "mails", "plain"]
    assert os.listdir(own.parent) == ["counters"]


@pytest.fixture
def layout(root: Root) -> Layout:
    """Return the layout of a fresh root."""
    return Layout(str(root.path))


def test_names_are_those_of_db(layout: Layout, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has a slash is a path of this disk, or below the directory of the databases; DBPATH is for db only."""
    service = StoreService(layout, StoreSource(layout, AUTHOR), schema=Schema(layout))
    assert service.handle("keys", [str(own)]) == ["mails", "plain"]
    assert service.handle("keys", [f"/{own.parent}/../own//counters"]) == ["mails", "plain"]
    assert service.handle("set", ["sub/../../beside", "k", "v"]) == ["1"]
    assert _lines(Path(layout.under("/home/e-smith/beside"))) == ["k=v"]
    monkeypatch.setenv("DBPATH", str(own.parent))
    assert service.handle("keys", ["counters"]) == []
    with pytest.raises(UsageError, match="UTF-8"):
        service.handle("keys", ["/tmp/a\udce9"])


def test_the_operations_on_a_file(layout: Layout, own: Path) -> None:
    """Each operation does with a file what it does with a database, without the schema; no databases are needed."""
    empty = Layout(str(own.parent))
    service = StoreService(empty, StoreSource(empty, AUTHOR), schema=Schema(layout))
    file = str(own)
    assert service.handle("exists", [file]) == ["1"]
    assert service.handle("add", [file, "mails", "x"]) == ["0"]
    assert service.handle("replace_type", [file, "n", None, "1"]) == ["1"]
    assert service.handle("replace_type", [file, "n", None, "1"]) == ["0"]
    assert service.handle("replace_type", [file, "n", "1", "2"]) == ["1"]
    assert service.handle("set_props", [file, "mails", "", "kind", "today", "7"]) == ["1"]
    assert service.handle("set_props", [file, "none", "today", "7"]) == ["0"]
    assert service.handle("set_type", [file, "none", "t"]) == ["0"]
    assert service.handle("record", [file, "mails"]) == ["kind", "note", "a|b", "today", "7"]
    assert service.handle("delete_prop", [file, "mails", "note"]) == ["a|b"]
    assert service.handle("delete", [file, "plain"]) == ["1"]
    assert service.handle("all", [file]) == ["mails", "3", "kind", "today", "7", "n", "1", "2"]
    with pytest.raises(UsageError, match="already"):
        service.handle("create", [file])
    with pytest.raises(StoreError):
        service.handle("keys", ["configuration"])
    own.rename(f"{own.parent}/qpsmtpd")
    service.handle("set", [file, "qpsmtpd", "service", "DNSBL", "maybe"])
    assert _lines(own) == ["qpsmtpd=service|DNSBL|maybe"]


def test_a_refused_write_leaves_the_file(layout: Layout, own: Path) -> None:
    """Of several properties one of which is refused none is written."""
    before = own.read_bytes()
    service = StoreService(layout, StoreSource(layout, AUTHOR))
    for name, more in (("set", ["t", "x", "2", "y", "a\0"]), ("set_props", ["today", "2", "y|", "a"])):
        with pytest.raises(RefusedError):
            service.handle(name, [str(own), "mails", *more])
    assert own.read_bytes() == before


@pytest.mark.parametrize(("name", "arguments"), WRITES)
def test_a_template_only_reads_files(layout: Layout, own: Path, name: str, arguments: list[str | None]) -> None:
    """Every write is refused; all fragments see the file as the first found it, and the read is noted as one of a file.

    A file under the root is noted as the configured system names it.
    """
    before = own.read_bytes()
    log = _Log()
    inside = Path(layout.under("/var/own"))
    inside.write_text("k=v\n")
    with open_store(layout).snapshot() as snapshot:
        service = StoreService(layout, SnapshotSource(snapshot), log=log)
        assert service.handle("prop", [str(own), "mails", "today"]) == ["5"]
        with pytest.raises(RefusedError, match="a template may not change a setting"):
            service.handle(name, [str(own), *arguments[1:]])
        assert own.read_bytes() == before
        own.write_text("mails=other\n")
        assert service.handle("prop", [str(own), "mails", ""]) == ["count"]
        assert service.handle("all", [str(inside)]) == ["k", "1", "v"]
        for words in (["keys"], ["exists"], ["record", "k"]):
            service.handle(words[0], [str(inside), *words[1:]])
    assert log.seen == [("file", str(own))] * 2 + [("file", "/var/own")] * 4


@pytest.mark.parametrize(("name", "arguments"), WRITES)
def test_a_migration_only_reads_files(layout: Layout, own: Path, name: str, arguments: list[str | None]) -> None:
    """It may be a trial, or be given up; a file would stay changed, so the write is refused."""
    before = own.read_bytes()
    with open_store(layout, write=True).transaction(AUTHOR) as transaction:
        service = StoreService(layout, TransactionSource(transaction))
        assert service.handle("keys", [str(own)]) == ["mails", "plain"]
        with pytest.raises(RefusedError, match="not a flat file"):
            service.handle(name, [str(own), *arguments[1:]])
    assert own.read_bytes() == before


@pytest.mark.program("Text::Template")
def test_a_fragment_reads_a_file(script: Script, own: Path) -> None:
    """A fragment reads it by every interface; what it writes stops the expansion and changes neither file."""
    root = script.root
    root.write("/etc/e-smith/templates/etc/own/template-begin", "")
    code = f"use esmith::DB::db; my $db = esmith::DB::db->open_ro('{own}'); $db->get_prop('mails', 'note')"
    root.write("/etc/e-smith/templates/etc/own/10objects", f"{{ {code} }}\n")
    root.write(
        "/etc/e-smith/templates/etc/own/20tied", f"{{ tie my %h, 'esmith::config', '{own}'; join ' ', %h{{plain}} }}\n"
    )
    root.expand("/etc/own")
    assert root.read("/etc/own") == "a|b\nplain Bar\n"
    assert f"looks at {own}\n" in root.expand("--explain", "/etc/own").out
    before = own.read_bytes()
    root.write(
        "/etc/e-smith/templates/etc/own/30write", f"\n{{ esmith::DB::db->open('{own}')->set_value('x', 'y') }}\n"
    )
    answer = root.expand("/etc/own", code=4)
    assert "own/30write:2" in answer.err and "a template may not change a setting" in answer.err
    assert own.read_bytes() == before
    assert root.read("/etc/own") == "a|b\nplain Bar\n"


@pytest.mark.program("perl")
def test_an_action_counts_in_a_file(script: Script, own: Path) -> None:
    """An action with a small database of its own: two events count twice."""
    code = (
        "#!/usr/bin/perl -w\nuse strict;\nuse esmith::DB::db;\n"
        f"my $db = esmith::DB::db->open('{own}') || esmith::DB::db->create('{own}') or die esmith::DB->error;\n"
        "$db->set_prop('runs', 'Count', ($db->get_prop('runs', 'Count') || 0) + 1, type => 'count');\n"
    )
    make_event(script.root.path, "count", actions={"S20count": code})
    own.unlink()
    script.root.signal("count")
    script.root.signal("count")
    assert _lines(own) == ["runs=count|Count|2"]
