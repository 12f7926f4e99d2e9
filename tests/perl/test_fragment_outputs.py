"""What a fragment makes besides its own text: files by processTemplate, and databases of its own."""

from __future__ import annotations

import stat

import pytest

from tests.events.kit import make_event
from tests.perl.kit import Script

pytestmark = pytest.mark.program("Text::Template")

TEMPLATES = "/etc/e-smith/templates"
USE = "use esmith::templates;"


@pytest.fixture
def fields(script: Script) -> Script:
    """Return a root with the template of /etc/fields, whose fragment makes two files of that of /etc/field."""
    root = script.root
    for name in ("fields", "field"):
        root.write(f"{TEMPLATES}/etc/{name}/template-begin", "")
    root.write(f"{TEMPLATES}/etc/field/10", "field { $name } of { $DomainName }\n\n")
    _makes(script, 'MORE_DATA => { name => $_ }, OUTPUT_FILENAME => "/etc/$_.field"')
    return script


def _makes(script: Script, options: str) -> None:
    """Have the fragment of /etc/fields call processTemplate for "north" and "south" with these options."""
    call = f"processTemplate({{ TEMPLATE_PATH => '/etc/field', {options} }})"
    script.root.write(
        f"{TEMPLATES}/etc/fields/10", f'{{ {USE} $OUT .= "$_ " . {call} . qq{{\\n}} for qw(north south); }}'
    )


def test_files_are_made_besides(fields: Script) -> None:
    """Each file is installed with the template's own, and 1 is returned to the fragment, as in the original."""
    fields.root.expand("/etc/fields")
    assert fields.root.read("/etc/fields") == "north 1\nsouth 1\n"
    explained = fields.root.expand("--explain", "/etc/fields").out
    assert "  made by a fragment of /etc/fields, from /etc/field\n" in explained
    for name in ("north", "south"):
        assert fields.root.read(f"/etc/{name}.field") == f"field {name} of example.com\n\n"
        assert stat.S_IMODE(fields.root.file(f"/etc/{name}.field").stat().st_mode) == 0o644


def test_each_event_makes_them(fields: Script) -> None:
    """An event writes them again when what they read has changed; a rehearsal shows them and writes none."""
    make_event(fields.root.path, "try", templates="/etc/fields\n")
    tried = fields.root.signal("--dry-run", "try")
    assert "/etc/north.field" in tried.out
    assert not fields.root.file("/etc/north.field").exists()
    fields.root.signal("try")
    fields.root.config("set", "DomainName", "example.org")
    fields.root.signal("try")
    assert fields.root.read("/etc/south.field") == "field south of example.org\n\n"


def test_they_are_outputs_as_any_other(fields: Script) -> None:
    """status shows one that was edited, rollback restores one, and one that is not made any more stays."""
    root = fields.root
    make_event(root.path, "try", templates="/etc/fields\n")
    root.signal("try")
    root.write("/etc/north.field", "by hand\n")
    assert "/etc/north.field" in root.esmith("status", "-v", code=None).out
    root.signal("try")
    assert root.read("/etc/north.field") == "field north of example.com\n\n"
    root.config("set", "DomainName", "example.org")
    root.signal("try")
    root.esmith("rollback")
    assert root.read("/etc/south.field") == "field south of example.com\n\n"
    root.write(f"{TEMPLATES}/etc/fields/10", "none\n")
    root.signal("try")
    assert root.read("/etc/south.field") == "field south of example.com\n\n"
    assert "/etc/south.field" not in root.esmith("status", "-v", code=None).out


def test_the_options_hold(fields: Script) -> None:
    """PERMS, FILTER, OUTPUT_PREFIX and the metadata of the template decide as in a script."""
    _makes(
        fields,
        'MORE_DATA => { name => $_ }, OUTPUT_PREFIX => "/var/made", OUTPUT_FILENAME => $_, PERMS => 0600, '
        "FILTER => sub { $_[0] =~ /^$/ ? '' : uc $_[0] }",
    )
    fields.root.expand("/etc/fields")
    assert fields.root.read("/var/made/north") == "FIELD NORTH OF EXAMPLE.COM\n"
    assert stat.S_IMODE(fields.root.file("/var/made/south").stat().st_mode) == 0o600
    fields.root.write(f"{TEMPLATES}/etc/field/template.toml", 'mode = "0640"\n')
    _makes(fields, 'MORE_DATA => { name => $_ }, OUTPUT_FILENAME => "/etc/$_.field"')
    fields.root.expand("/etc/fields")
    assert stat.S_IMODE(fields.root.file("/etc/south.field").stat().st_mode) == 0o640
    fields.root.write(f"{TEMPLATES}/etc/field/template.toml", 'output = "/var/field"\n')
    _makes(fields, "MORE_DATA => { name => $_ }")
    fields.root.expand("/etc/fields")
    assert fields.root.read("/var/field").startswith("field south")


def test_all_or_none(fields: Script) -> None:
    """When a fragment fails after it made a file, or the other template is broken, no file is touched."""
    fields.root.write(f"{TEMPLATES}/etc/fields/20", "{ my $x; die 'late' }")
    assert "late" in fields.root.expand("/etc/fields", code=4).err
    fields.root.file(f"{TEMPLATES}/etc/fields/20").unlink()
    fields.root.write(f"{TEMPLATES}/etc/field/20", "{ my $x; die 'inner' }")
    assert "inner" in fields.root.expand("/etc/fields", code=4).err
    assert not fields.root.file("/etc/fields").exists()
    assert not fields.root.file("/etc/north.field").exists()


def test_one_file_is_made_once(fields: Script) -> None:
    """What two make alike is one file; what they make differently is an error; within one output the last counts."""
    fields.root.write(f"{TEMPLATES}/etc/field/10", "the same\n")
    _makes(fields, "")
    fields.root.expand("/etc/fields", "/etc/field")
    fields.root.expand("/etc/field", "/etc/fields")
    assert fields.root.read("/etc/field") == "the same\n"
    fields.root.write(f"{TEMPLATES}/etc/field/10", "of { $name || 'nobody' }\n")
    _makes(fields, "MORE_DATA => { name => $_ }")
    fields.root.expand("/etc/fields")
    assert fields.root.read("/etc/field") == "of south\n"
    for paths in (("/etc/fields", "/etc/field"), ("/etc/field", "/etc/fields")):
        answer = fields.root.expand(*paths, code=4)
        assert "make this file, each with another content" in answer.err
    _makes(fields, "MORE_DATA => { name => $_ }, OUTPUT_FILENAME => '/etc/fields'")
    assert "two templates make this file" in fields.root.expand("/etc/fields", code=4).err


def test_a_template_for_each_record_makes_no_other_files(fields: Script) -> None:
    """Its outputs are those of the records, and what is none of them would be removed: the fragment is refused."""
    fields.root.write(f"{TEMPLATES}/etc/each.{{key}}/template.toml", 'foreach = "accounts:user"\n')
    fields.root.write(f"{TEMPLATES}/etc/each.{{key}}/10", "x\n")
    call = "processTemplate({ TEMPLATE_PATH => '/etc/each.{key}', OUTPUT_FILENAME => '/etc/each' })"
    fields.root.write(f"{TEMPLATES}/etc/fields/10", f"{{ {USE} {call} }}")
    answer = fields.root.expand("/etc/fields", code=4)
    assert "a template that makes one for each record or key" in answer.err
    assert not fields.root.file("/etc/each").exists()


def test_a_text_for_a_script_makes_no_files(fields: Script) -> None:
    """A script that asks for the text of such a template is refused: its files would be missing."""
    code = f"{USE} print processTemplate({{ TEMPLATE_PATH => '/etc/fields', OUTPUT_TYPE => 'string' }});"
    answer = fields.run(code, status=None)
    assert "makes the file /etc/north.field" in answer.err
    fields.run(f"{USE} processTemplate({{ TEMPLATE_PATH => '/etc/fields' }});")
    assert fields.root.file("/etc/north.field").exists()


def test_a_migration_makes_no_files(fields: Script) -> None:
    """A migrate fragment may be a trial: it is refused, and the file is not there."""
    call = f"{USE} processTemplate({{ TEMPLATE_PATH => '/etc/field', OUTPUT_FILENAME => '/etc/x' }})"
    fields.root.write("/etc/e-smith/db/zoo/migrate/10x", f"{{ {call} }}")
    assert "cannot be expanded by a migration" in fields.root.esmith("initialize-databases", code=11).err
    assert not fields.root.file("/etc/x").exists()


OWN = "my $db = esmith::ConfigDB->open_ro('bans') || esmith::ConfigDB->create('bans') or die esmith::DB->error;"


def _lists(script: Script, code: str) -> None:
    script.root.write(f"{TEMPLATES}/etc/bans/template-begin", "")
    script.root.write(f"{TEMPLATES}/etc/bans/10", f"{{ {code} join '', map {{ $_->key . qq{{\\n}} }} $db->get_all }}")


def test_a_database_that_a_fragment_creates_is_empty(script: Script) -> None:
    """It can be opened again in the same output, is nowhere stored, and the output changes when somebody makes it."""
    _lists(
        script,
        OWN + "esmith::ConfigDB->open('bans') or die 'not there'; die 'twice' if esmith::ConfigDB->create('bans'); ",
    )
    script.root.expand("/etc/bans")
    assert script.root.read("/etc/bans") == ""
    assert script.root.db("bans", "keys", code=1).out == ""
    explained = script.root.expand("--explain", "/etc/bans").out
    assert "  lists bans\n" in explained
    script.root.db("bans", "set", "192.0.2.7", "ban")
    _lists(script, OWN)
    script.root.expand("/etc/bans")
    assert script.root.read("/etc/bans") == "192.0.2.7\n"


def test_such_a_database_is_of_one_output(script: Script) -> None:
    """The fragments of another output do not find it: what they give does not depend on what was expanded before."""
    _lists(script, OWN)
    script.root.write(f"{TEMPLATES}/etc/other/template-begin", "")
    script.root.write(f"{TEMPLATES}/etc/other/10", "{ esmith::ConfigDB->open('bans') ? 'there' : esmith::DB->error }")
    script.root.expand("/etc/bans", "/etc/other")
    assert script.root.read("/etc/other") == "File doesn't exist"


def test_a_file_that_a_fragment_creates_is_empty(script: Script) -> None:
    """The same for a flat file of the contrib: no file is made."""
    file = script.root.path / "var/mine"
    _lists(script, OWN.replace("'bans'", f"'{file}'"))
    script.root.expand("/etc/bans")
    assert script.root.read("/etc/bans") == ""
    assert not file.exists()
    file.write_text("one=ban\n")
    script.root.expand("/etc/bans")
    assert script.root.read("/etc/bans") == "one\n"


def test_nothing_is_written_to_it(script: Script) -> None:
    """A record would be lost without a word: it is refused, as in every database."""
    _lists(script, OWN + "$db->new_record('x', { type => 'ban' }); ")
    assert "a template may not change a setting" in script.root.expand("/etc/bans", code=4).err
