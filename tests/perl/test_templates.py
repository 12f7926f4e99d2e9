"""esmith::templates in scripts: processTemplate and its options (docs/perl.md#the-modules)."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

USE = "use esmith::templates;\n"


@pytest.fixture
def templated(script: Script) -> Script:
    """Return a root with the template of /etc/try: a fragment in Jinja2, one in plain text."""
    base = "/etc/e-smith/templates/etc/try"
    script.root.write(f"{base}/template-begin", "")
    script.root.write(f"{base}/10name", "name {{ DomainName }} {{ port | default('none') }}\n")
    script.root.write(f"{base}/20plain", "\nplain\n")
    return script


def test_a_file_is_expanded(templated: Script) -> None:
    """With a path alone the file is made as expand-template makes it, and 1 is returned."""
    assert templated.shown(USE + "show(processTemplate({ TEMPLATE_PATH => '/etc/try' }));") == ["<1>"]
    assert templated.root.read("/etc/try") == "name example.com none\n\nplain\n"
    assert templated.root.file("/etc/try").stat().st_mode & 0o777 == 0o644


def test_a_text_is_returned(templated: Script) -> None:
    """OUTPUT_TYPE string returns the text with the variables of MORE_DATA, and writes nothing."""
    code = (
        "print processTemplate({ TEMPLATE_PATH => '/etc/try', OUTPUT_TYPE => 'string', MORE_DATA => { port => 80 } });"
    )
    assert templated.run(USE + code).out == "name example.com 80\n\nplain\n"
    assert not templated.root.file("/etc/try").exists()


def test_another_file(templated: Script) -> None:
    """OUTPUT_PREFIX and OUTPUT_FILENAME name the file; MORE_DATA and PERMS are for it."""
    options = "TEMPLATE_PATH => '/etc/try', OUTPUT_PREFIX => '/var/tried', OUTPUT_FILENAME => 'here'"
    templated.run(USE + f"processTemplate({{ {options} }});")
    assert templated.root.read("/var/tried/here") == "name example.com none\n\nplain\n"
    templated.run(USE + f"processTemplate({{ {options}, MORE_DATA => {{ port => 'x|y' }}, PERMS => 0600 }});")
    assert templated.root.read("/var/tried/here") == "name example.com x|y\n\nplain\n"
    assert templated.root.file("/var/tried/here").stat().st_mode & 0o777 == 0o600
    assert not templated.root.file("/etc/try").exists()


def test_a_mode_that_is_none(templated: Script) -> None:
    """PERMS that is no mode is an error that says so; nothing is written."""
    code = USE + "processTemplate({ TEMPLATE_PATH => '/etc/try', PERMS => 99999999 });"
    assert "is not an octal number" in templated.run(code, status=None).err
    assert not templated.root.file("/etc/try").exists()


def test_lines_are_filtered(templated: Script) -> None:
    """FILTER is given each line with its newline; removeBlankLines is one; undef leaves a line out."""
    code = """
        use esmith::templates qw(processTemplate removeBlankLines);
        processTemplate({ TEMPLATE_PATH => '/etc/try', FILTER => \\&removeBlankLines });
        print processTemplate({ TEMPLATE_PATH => '/etc/try', OUTPUT_TYPE => 'string',
            FILTER => sub { $_[0] =~ /name/ ? undef : "# $_[0]" } });
    """
    assert templated.run(code).out == "# \n# plain\n"
    assert templated.root.read("/etc/try") == "name example.com none\nplain\n"


def test_a_filtered_file_is_not_taken_for_the_templates_own(templated: Script) -> None:
    """The next event makes the file what the template says, though nothing it reads has changed."""
    templated.root.write("/etc/e-smith/events/try/templates2expand", "/etc/try\n")
    templated.root.signal("try")
    templated.run(USE + "processTemplate({ TEMPLATE_PATH => '/etc/try', FILTER => sub { '' } });")
    assert templated.root.read("/etc/try") == ""
    templated.root.signal("try")
    assert templated.root.read("/etc/try") == "name example.com none\n\nplain\n"


def test_directories_of_fragments(templated: Script) -> None:
    """TEMPLATE_EXPAND_QUEUE names other directories, the nearest first, for texts and for files."""
    templated.root.write("/etc/e-smith/templates-user/mail/10", "user {{ port | default('') }}\n")
    templated.root.write("/etc/e-smith/templates-user/mail/template-begin", "")
    templated.root.write("/etc/e-smith/templates-user-custom/mail/20", "custom\n")
    queue = "['/etc/e-smith/templates-user-custom', '/etc/e-smith/templates-user']"
    options = f"TEMPLATE_PATH => '/mail', TEMPLATE_EXPAND_QUEUE => {queue}"
    code = f"print processTemplate({{ {options}, OUTPUT_TYPE => 'string', MORE_DATA => {{ port => 1 }} }});\n"
    code += f"processTemplate({{ {options}, OUTPUT_FILENAME => '/var/m1' }});"
    code += f"processTemplate({{ {options}, OUTPUT_FILENAME => '/var/m2', PERMS => 0640 }});"
    assert templated.run(USE + code).out == "user 1\ncustom\n"
    assert templated.root.read("/var/m1") == templated.root.read("/var/m2") == "user \ncustom\n"


def test_the_oldest_form(templated: Script) -> None:
    """A reference to a tied hash and a path expand that template; a plain hash holds variables."""
    code = """
        use esmith::util; use esmith::config; tie my %conf, 'esmith::config';
        esmith::util::processTemplate(\\%conf, '/etc/try');
        my %options = (TEMPLATE_PATH => '/etc/try', OUTPUT_FILENAME => '/etc/two');
        esmith::util::processTemplate({ CONFREF => { port => 7 }, %options });
    """
    templated.run(code)
    assert templated.root.read("/etc/try").startswith("name example.com none\n")
    assert templated.root.read("/etc/two").startswith("name example.com 7\n")


def test_a_file_is_removed(templated: Script) -> None:
    """DELETE removes the file."""
    templated.root.write("/etc/try", "old\n")
    templated.run(USE + "processTemplate({ TEMPLATE_PATH => '/etc/try', DELETE => 1 });")
    assert not templated.root.file("/etc/try").exists()


def test_bytes_that_are_no_utf8_pass(templated: Script) -> None:
    """A fragment in Latin-1 gives its bytes, as a text and, filtered, as a file."""
    templated.root.file("/etc/e-smith/templates/etc/try/30latin").write_bytes(b"caf\xe9\n")
    code = "print processTemplate({ TEMPLATE_PATH => '/etc/try', OUTPUT_TYPE => 'string' });"
    code += "processTemplate({ TEMPLATE_PATH => '/etc/try', FILTER => sub { $_[0] } });"
    assert templated.run(USE + code).out.encode("utf-8", "surrogateescape").endswith(b"caf\xe9\n")
    assert templated.root.file("/etc/try").read_bytes().endswith(b"plain\ncaf\xe9\n")


BROKEN = {
    "no template": ("processTemplate({ TEMPLATE_PATH => '/etc/nothing' })", "there is no template for /etc/nothing"),
    "a broken fragment": ("processTemplate({ TEMPLATE_PATH => '/etc/broken' })", "broken/10:2"),
    "no path": ("processTemplate({})", "TEMPLATE_PATH parameter missing"),
    "a wrong type": ("processTemplate({ TEMPLATE_PATH => '/etc/try', OUTPUT_TYPE => 'x' })", "Invalid OUTPUT_TYPE 'x'"),
    "both hashes": (
        "processTemplate({ TEMPLATE_PATH => '/etc/try', CONFREF => {}, MORE_DATA => {} })",
        "Can't use CONFREF with MORE_DATA",
    ),
    "a reference": (
        "processTemplate({ TEMPLATE_PATH => '/etc/try', MORE_DATA => { list => [1] }, OUTPUT_TYPE => 'string' })",
        "not a reference",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_expanded_dies(templated: Script, name: str) -> None:
    """The reason is shown with the line of the script, and the file is as it was."""
    call, reason = BROKEN[name]
    templated.root.write("/etc/e-smith/templates/etc/broken/10", "fine\n{{ nothing.at_all }}\n")
    for path in ("try", "broken", "nothing"):
        templated.root.write(f"/etc/{path}", "old\n")
    answer = templated.run(USE + f"{call};\n", status=None)
    assert reason in answer.err
    assert "script.pl line 2." in answer.err
    assert [templated.root.read(f"/etc/{path}") for path in ("try", "broken", "nothing")] == ["old\n"] * 3


def test_unknown_options_are_warned_of(templated: Script) -> None:
    """An option nobody knows is named, and the rest is done."""
    answer = templated.run(USE + "processTemplate({ TEMPLATE_PATH => '/etc/try', BOGUS => 1 });")
    assert "Unknown parameter 'BOGUS' passed to processTemplate at" in answer.err
    assert templated.root.read("/etc/try").endswith("plain\n")


@pytest.mark.root("only root may give files away")
def test_owners(templated: Script) -> None:
    """UID and GID name the owner by name or number; one that does not exist is an error."""
    templated.root.write("/etc/passwd", templated.root.read("/etc/passwd") + "apu:x:5001:5002::/:/bin/false\n")
    templated.root.write("/etc/group", templated.root.read("/etc/group") + "apu:x:5002:\n")
    templated.run(USE + "processTemplate({ TEMPLATE_PATH => '/etc/try', UID => 'apu', GID => 5003 });")
    status = templated.root.file("/etc/try").stat()
    assert (status.st_uid, status.st_gid) == (5001, 5003)
    answer = templated.run(USE + "processTemplate({ TEMPLATE_PATH => '/etc/try', UID => 'nobody-here' });", status=None)
    assert "there is no user 'nobody-here'" in answer.err
