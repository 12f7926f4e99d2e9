"""Migrate fragments of contribs: ``db/DATABASE/migrate``, in Perl."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from esmith.fragments.perl.process import PerlProcess
from tests.commands import Root
from tests.schema.kit import Desk

pytestmark = pytest.mark.program("Text::Template")


def test_a_migration_writes(desk: Desk) -> None:
    """A fragment may write to ``$DB``, sees the variables of fragments before it, and its output goes nowhere."""
    desk.put("configuration", "rec", "service", {"old": "1"})
    desk.file("configuration/migrate/10a", 'text { our $seen = $rec{old}; $DB->get("rec")->delete_prop("old"); "" }')
    desk.file("configuration/migrate/20b", "{ $DB->set_prop('rec', 'new', $seen + 1) }\n")
    changes, warnings = desk.initialize()
    assert desk.props("configuration", "rec") == {"new": "2"}
    assert len(changes) == 2
    assert warnings == []


def test_what_the_schema_forbids_is_stored_and_reported(desk: Desk) -> None:
    """A value that a fragment writes against the schema stays, with a warning that says what is allowed."""
    desk.put("t", "rec", "service", {})
    desk.file("t/rec.toml", 'type = "service"\n[properties]\nUse = { type = "enabled/disabled" }\n')
    desk.file(
        "t/migrate/10a",
        "{ use esmith::DB::db; my $t = esmith::DB::db->open($DB_FILENAME);"
        " $t->get('rec')->set_prop('Use', 'on'); $t->get('rec')->set_prop('Other', 'x'); }\n",
    )
    _, warnings = desk.initialize()
    assert desk.props("t", "rec") == {"Other": "x", "Use": "on"}
    assert len(warnings) == 1
    assert warnings[0].startswith("t rec Use: a migrate fragment stored it, but 'on' ")


def test_migrations_run_in_ascii_order(desk: Desk) -> None:
    """Fragments run in byte order of their names; leftovers of editors and directories are none."""
    desk.put("configuration", "rec", "service", {"order": ""})
    for name in ("9z", "10a", "Z", "_x", "a", "10a~", "10a.rpmsave"):
        desk.file(
            f"configuration/migrate/{name}", f"{{ our $order .= '{name} '; $DB->set_prop('rec', 'order', $order) }}"
        )
    desk.file("configuration/migrate/dir/inner", "{ die }")
    desk.initialize()
    assert desk.props("configuration", "rec") == {"order": "10a 9z Z _x a "}


def test_migrations_of_the_schema_go_first_and_defaults_last(desk: Desk) -> None:
    """Fragments see the names the schema files migrate to, and a database without the defaults of this version."""
    desk.put("t", "rec", "service", {"Old": "x"})
    desk.file(
        "t/rec.toml", 'type = "service"\n[properties]\nNew = { renamed-from = ["Old"] }\nAdded = { default = "1" }\n'
    )
    desk.file(
        "t/migrate/10a",
        "{ use esmith::DB::db; my $t = esmith::DB::db->open($DB_FILENAME) or die; my $r = $t->get('rec');"
        " $r->set_prop('seen', join ',', %{{ $r->props }}{'New', 'Added'}); }\n",
    )
    desk.initialize()
    assert desk.props("t", "rec")["seen"].startswith("New,x,Added")
    assert desk.props("t", "rec") == {"Added": "1", "New": "x", "seen": "New,x,Added,"}


def test_what_a_fragment_writes_under_an_old_name_is_migrated(desk: Desk) -> None:
    """A fragment that writes what older versions stored does not bring it back."""
    desk.file("configuration/rec.toml", 'type = "service"\n[properties]\nNew = { renamed-from = ["Old"] }\n')
    desk.put("configuration", "rec", "service")
    desk.file("configuration/migrate/10a", "{ $DB->set_prop('rec', 'Old', 'x') }")
    desk.initialize()
    assert desk.props("configuration", "rec") == {"New": "x"}


def test_the_file_name_of_the_database(desk: Desk) -> None:
    """``$DB`` is the configuration, as in the original; ``$DB_FILENAME`` opens the database that is migrated."""
    desk.put("configuration", "rec", "service")
    desk.put("zoo", "Squid", "cephalopod")
    desk.file("zoo/migrate/00openRW", "{ use esmith::ConfigDB; $ZOO = esmith::ConfigDB->open($DB_FILENAME) or die; }\n")
    desk.file(
        "zoo/migrate/10a", "{ $ZOO->get('Squid')->set_prop('arms', 10); $DB->get('rec')->set_prop('zoo', 'yes'); }"
    )
    desk.file("zoo/migrate/20b", "{ $confref->{rec} }")
    desk.initialize()
    assert desk.props("zoo", "Squid") == {"arms": "10"}
    assert desk.props("configuration", "rec") == {"zoo": "yes"}


def test_a_failing_migration_is_undone_alone(desk: Desk, perls: list[PerlProcess]) -> None:
    """A fragment that dies is named with its line, and what it did is undone; the others run, and defaults are set."""
    for database in ("a", "b", "c"):
        desk.put(database, "rec", "service")
        desk.file(f"{database}/defaults/rec/p", "default")
    desk.file("a/migrate/10a", "{ esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'm', 'a') }")
    desk.file("b/migrate/10a", "{ our $seen = 'b'; esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'm', 'b') }")
    broken = desk.file(
        "b/migrate/20b",
        "{ esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'half', 1);"
        " esmith::DB::db->open('c')->get('rec')->delete;"
        " esmith::DB::db->create('new')->set_prop('x', 'p', 1, type => 't');\n  die 'no such thing';\n}\n",
    )
    desk.file("b/migrate/30c", "{ esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'after', $seen) }")
    desk.file("c/migrate/10a", "{ esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'm', 'c') }")
    (fault,) = desk.initialized().faults
    assert "no such thing" in fault.message
    assert fault.place == f"{broken}:2"
    assert "nothing of it is stored" in fault.hint
    assert desk.props("a", "rec") == {"m": "a", "p": "default"}
    assert desk.props("b", "rec") == {"after": "b", "m": "b", "p": "default"}
    assert desk.props("c", "rec") == {"m": "c", "p": "default"}
    with desk.store.snapshot() as snapshot:
        assert not snapshot.has_database("new")
        changed = {change.database for change in next(snapshot.revisions()).changes}
    assert changed == {"a", "b", "c"}
    assert len(perls) == 1


def test_a_migration_that_ends_perl(desk: Desk, perls: list[PerlProcess]) -> None:
    """After a fragment that exits those after it are not run; the next database gets a perl of its own."""
    for database in ("a", "b"):
        desk.put(database, "rec", "service")
        desk.file(f"{database}/migrate/10a", "{ my $r = esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'm', 1) }")
    ends = desk.file("a/migrate/20b", "{ exit 3 }")
    after = desk.file("a/migrate/30c", "{ esmith::DB::db->open($DB_FILENAME)->set_prop('rec', 'after', 1) }")
    first, second = desk.initialized().faults
    assert "exit status 3" in first.message
    assert (second.place, second.message) == (str(after), "was not run")
    assert str(ends) in second.hint
    assert (desk.props("a", "rec"), desk.props("b", "rec")) == ({"m": "1"}, {"m": "1"})
    assert len(perls) == 2


def test_a_value_that_cannot_be_stored(desk: Desk) -> None:
    """What the store refuses, a fragment dies of."""
    desk.put("configuration", "rec", "service")
    path = desk.file("configuration/migrate/10a", "{ $DB->set_prop('rec', 'm', \"a\\nb\") }")
    (fault,) = desk.initialized().faults
    assert "newline" in fault.message
    assert fault.place == f"{path}:1"
    assert desk.props("configuration", "rec") == {}


def test_a_migration_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    """Run again, migrations that have nothing to do make no revision."""
    desk.put("configuration", "rec", "service")
    desk.file("configuration/migrate/10a", "{ $DB->get('rec')->set_prop('m', 1) }")
    desk.initialize()
    before = desk.revision()
    assert desk.initialize() == ([], [])
    assert desk.revision() == before


def test_no_perl_without_migrations(desk: Desk, perls: list[PerlProcess]) -> None:
    """Where no database has a migrate fragment, no perl is started; fragments of several databases share one."""
    desk.put("configuration", "rec", "service")
    desk.file("configuration/defaults/rec/p", "1")
    desk.file("configuration/migrate/10empty", "")
    desk.file("configuration/migrate/template-begin", "# banner\n")
    desk.initialize()
    assert perls == []
    for database in ("a", "b", "configuration"):
        desk.file(f"{database}/migrate/20x", "{ my $x = 1 }")
    desk.initialize()
    assert len(perls) == 1


@pytest.mark.parametrize(
    ("text", "reason"), [("{{ rec.p }}\n", "is Jinja2"), ("nothing at all\n", "has no block of Perl")]
)
def test_what_is_not_perl_is_reported(desk: Desk, text: str, reason: str) -> None:
    """A migrate fragment that is Jinja2 or mere text is not run, and a message says so."""
    path = desk.file("configuration/migrate/10a", text)
    changes, warnings = desk.initialize()
    assert changes == []
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{path}: {reason}")


def test_warnings_of_a_migration(desk: Desk) -> None:
    """What a fragment warns of, or prints, is reported with its place."""
    path = desk.file("configuration/migrate/10a", "{\nwarn 'careful';\nprint 'hello'; }")
    _, warnings = desk.initialize()
    assert warnings[0] == f"{path}:2: careful"
    assert "'hello'" in warnings[1]


def test_the_command(root: Root) -> None:
    """initialize-databases does what it can, reports it, and exits with 11 when a fragment failed."""
    root.write("/etc/e-smith/db/configuration/migrate/20contrib", "{ $DB->new_record('box', {type => 'service'}) }\n")
    path = root.write("/etc/e-smith/db/domains/migrate/20contrib", "{\ndie 'sorry' }\n")
    answer = root.esmith("initialize-databases", code=ExitCode.PARTIAL)
    assert answer.out == "configuration box: set\n"
    assert f"{path}:2: sorry" in answer.err
    path.unlink()
    assert root.esmith("initialize-databases").out == ""


def test_import_runs_migrations(root: Root) -> None:
    """Migrations run on what is imported, in the same transaction; of one that fails nothing is stored."""
    root.write(
        "/etc/e-smith/db/configuration/migrate/20contrib", "{ $DB->set_prop('box', 'm', $box{p} + 1) if %box }\n"
    )
    root.write("/old/configuration", "box=service|p|1\n")
    root.esmith("import", "--dry-run", str(root.file("/old/configuration")))
    assert root.config("get", "box", code=None).code == 1
    root.esmith("import", str(root.file("/old/configuration")))
    assert root.config("getprop", "box", "m").out == "2\n"
    root.write("/etc/e-smith/db/configuration/migrate/30contrib", "{ die 'sorry' }\n")
    root.write("/old/configuration", "box=service|p|5\n")
    answer = root.esmith("import", str(root.file("/old/configuration")), code=ExitCode.PARTIAL)
    assert answer.err.count("sorry") == 1
    assert root.config("getprop", "box", "m").out == "6\n"


def test_a_broken_migration_stops_no_event(root: Root) -> None:
    """console-save names a broken migrate fragment, does everything else, and exits with 11."""
    path = root.write("/etc/e-smith/db/configuration/migrate/20contrib", "{ die 'sorry' }\n")
    answer = root.signal("console-save", code=ExitCode.PARTIAL)
    assert f"{path}:1: sorry" in answer.err
    assert "everything else was done" in answer.err.splitlines()[-1]


def test_strict_stops_at_a_broken_migration(root: Root) -> None:
    """With Strict of esmith nothing is stored, and the event stops before a file is touched."""
    root.config("setprop", "esmith", "Strict", "enabled")
    root.write("/etc/e-smith/db/configuration/migrate/10contrib", "{ $DB->set_prop('box', 'm', 1) }\n")
    root.write("/etc/e-smith/db/configuration/migrate/20contrib", "{ die 'sorry' }\n")
    answer = root.esmith("initialize-databases", code=ExitCode.TEMPLATE)
    assert "Strict of esmith is enabled" in answer.err
    root.signal("console-save", code=ExitCode.ACTION)
    assert root.config("get", "box", code=None).code == 1


def test_a_template_in_a_migration(desk: Desk) -> None:
    """A fragment may not expand a template; the fragments after it run."""
    desk.put("configuration", "rec", "service")
    desk.file(
        "configuration/migrate/10a",
        "{ use esmith::templates; processTemplate({TEMPLATE_PATH => '/etc/t', OUTPUT_TYPE => 'string'}) }",
    )
    desk.file("configuration/migrate/20b", "{ $DB->set_prop('rec', 'm', 1) }")
    (fault,) = desk.initialized().faults
    assert "cannot be expanded by a migration" in fault.message
    assert desk.props("configuration", "rec") == {"m": "1"}
