"""``template.toml``: the metadata of a template, inherited key by key."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from tests.fragments.kit import Trees


def _attributes(trees: Trees, path: str = "/etc/t") -> tuple[str, str, str]:
    metadata = trees.render(path).metadata
    return metadata.mode, metadata.owner, metadata.group


def test_what_nobody_says(trees: Trees) -> None:
    """Without a template.toml an output is a file of root, readable by all; no service is known to read it."""
    trees.standard("/etc/t/10a", "text\n")
    metadata = trees.render("/etc/t").metadata
    assert (metadata.mode, metadata.owner, metadata.group) == ("0644", "root", "root")
    assert metadata.services is None


def test_keys_are_inherited_one_by_one(trees: Trees) -> None:
    """Each key comes from the nearest directory that says it, and in one directory from the nearest layer."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/template.toml", 'mode = "0600"\nowner = "root-s"\ngroup = "root-s"\n')
    trees.standard("/etc/template.toml", 'owner = "etc-s"\ngroup = "etc-s"\n')
    assert _attributes(trees) == ("0600", "etc-s", "etc-s")
    trees.custom("/template.toml", 'mode = "0640"\nowner = "root-c"\n')
    assert _attributes(trees) == ("0640", "etc-s", "etc-s")
    trees.standard("/etc/t/template.toml", 'group = "own-s"\n')
    assert _attributes(trees) == ("0640", "etc-s", "own-s")
    trees.custom("/etc/t/template.toml", 'group = "own-c"\n')
    assert _attributes(trees) == ("0640", "etc-s", "own-c")


def test_the_source_of_a_key_is_known(trees: Trees) -> None:
    """Of every key that is set it is known which file set it."""
    trees.standard("/etc/t/10a", "text\n")
    outer = trees.standard("/etc/template.toml", 'mode = "0600"\nowner = "etc"\n')
    own = trees.custom("/etc/t/template.toml", 'owner = "own"\n')
    assert trees.render("/etc/t").metadata.sources == {"mode": str(outer), "owner": str(own)}


@pytest.mark.parametrize("single", [True, False], ids=["file", "directory"])
def test_files_tables_affect_one_template(trees: Trees, single: bool) -> None:
    """``[files.NAME]`` in the directory that holds a template goes before what that file sets for all."""
    for name in ("one", "two"):
        trees.standard(f"/etc/{name}" if single else f"/etc/{name}/10a", "text\n")
    trees.standard("/etc/template.toml", 'mode = "0600"\nowner = "all"\n[files.one]\nmode = "0640"\n')
    assert _attributes(trees, "/etc/one")[:2] == ("0640", "all")
    assert _attributes(trees, "/etc/two")[:2] == ("0600", "all")


def test_files_tables_are_not_inherited(trees: Trees) -> None:
    """``[files.NAME]`` does not affect templates of that name further down."""
    trees.standard("/etc/deep/one", "text\n")
    trees.standard("/etc/template.toml", '[files.one]\nmode = "0640"\n')
    assert _attributes(trees, "/etc/deep/one")[0] == "0644"


def test_own_directory_goes_before_files_table(trees: Trees) -> None:
    """What a directory template says in its own directory goes before the table in the directory that holds it."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/template.toml", '[files.t]\nmode = "0640"\nowner = "table"\n')
    trees.standard("/etc/t/template.toml", 'mode = "0600"\n')
    assert _attributes(trees)[:2] == ("0600", "table")


def test_an_output_is_found_by_its_own_path(trees: Trees) -> None:
    """The path of the file stands for the template that makes it, also beside a custom directory of that name."""
    trees.standard("/etc/plugins.static", "from the template\n")
    trees.standard("/etc/template.toml", '[files."plugins.static"]\noutput = "/etc/plugins"\n')
    assert trees.render("/etc/plugins").content == b"from the template\n"
    trees.custom("/etc/plugins/10a", "a store of links\n")
    rendering = trees.render("/etc/plugins")
    assert (rendering.path, rendering.content) == ("/etc/plugins", b"from the template\n")


def test_a_single_file_keeps_the_metadata_of_the_directory(trees: Trees) -> None:
    """A custom file in the place of a shipped directory has its mode and owner, so that a secret stays one."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/t/template.toml", 'mode = "0600"\nowner = "own"\n')
    trees.standard("/etc/template.toml", 'mode = "0644"\ngroup = "all"\n')
    trees.custom("/etc/t", "mine\n")
    assert trees.text("/etc/t") == "mine\n"
    assert _attributes(trees)[:3] == ("0600", "own", "all")


@pytest.mark.parametrize("single", [True, False], ids=["file", "directory"])
def test_the_metadata_of_an_administrator_for_one_template_goes_first(trees: Trees, single: bool) -> None:
    """A table in templates-custom goes before what is shipped in the template's own directory."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/t/template.toml", 'mode = "0600"\nowner = "own"\n')
    trees.custom("/etc/t" if single else "/etc/t/20b", "mine\n")
    trees.custom("/etc/template.toml", '[files.t]\nmode = "0640"\n')
    assert _attributes(trees)[:2] == ("0640", "own")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('services = ["qmail", "clamd"]', {"qmail": "", "clamd": ""}),
        ('services = { qmail = "sighup" }', {"qmail": "sighup"}),
        ('[services]\nqmail = "restart"', {"qmail": "restart"}),
        ("services = []", {}),
    ],
)
def test_services(trees: Trees, metadata: str, expected: dict[str, str]) -> None:
    """Services are a list, or a table with the action that a change of this output needs."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/t/template.toml", f"{metadata}\n")
    assert trees.render("/etc/t").metadata.services == expected


@pytest.mark.parametrize(
    ("metadata", "mode"),
    [
        ("0600", 0o600),
        ("600", 0o600),
        ("0000", 0),
        ("4755", 0o4755),
        ("{{ '0640' if qpsmtpd.DNSBL == 'enabled' else '0600' }}", 0o640),
        ("{{ qpsmtpd.Mode | default('0604') }}", 0o604),
        ("{% if qpsmtpd.Bcc %}0600{% else %} 0644 {% endif %}", 0o644),
    ],
)
def test_mode(trees: Trees, metadata: str, mode: int) -> None:
    """The mode is octal, and may be Jinja2 that looks at the databases."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/t/template.toml", f'mode = "{metadata}"\n')
    assert trees.render("/etc/t").mode == mode


@pytest.mark.parametrize("metadata", ["", "rw-r--r--", "0888", "-1", "17777", "{{ DomainName }}"])
def test_no_mode(trees: Trees, metadata: str) -> None:
    """What is not an octal mode is an error that names the file that holds it."""
    trees.standard("/etc/t/10a", "text\n")
    place = trees.standard("/etc/t/template.toml", f'mode = "{metadata}"\n')
    error = trees.error("/etc/t")
    assert error.place.startswith(str(place))
    assert "octal" in error.message


def test_owner_may_be_jinja(trees: Trees) -> None:
    """The owner and the group may be Jinja2, for files that belong to the user they are made for."""
    trees.standard("/home/{key}/x/10a", "text\n")
    toml = 'foreach = "accounts:user"\nowner = "{{ record.key }}"\ngroup = "{{ record.type }}"\n'
    trees.standard("/home/{key}/x/template.toml", toml)
    found = [(one.path, one.owner, one.group) for one in trees.renderer().render("/home/{key}/x")]
    assert found == [("/home/Zoe/x", "Zoe", "user"), ("/home/tom/x", "tom", "user")]


BROKEN = {
    "no TOML": ("mode = 0644", "cannot be read"),
    "no text": ("mode = \xff", "cannot be read"),
    "wrong kind of mode": ("mode = 644", "mode must be a string, not 644"),
    "wrong kind of owner": ("owner = 0", "owner must be a string, not 0"),
    "wrong kind of services": (
        'services = "qmail"',
        "services must be a list of strings or a table of strings, not 'qmail'",
    ),
    "number as action": ("services = { qmail = 1 }", "services"),
    "number as service": ("services = [1]", "services"),
    "wrong kind of filter": ('filter = "no-blank-lines"', "filter must be a list"),
    "unknown filter": ('filter = ["no-blank"]', "each of it one of 'no-blank-lines', not ['no-blank']"),
    "number as filter": ("filter = [1]", "filter"),
    "unknown engine": (
        'engine = "jinja"',
        "engine must be one of 'text', 'jinja2', 'perl' or a table of these, not 'jinja'",
    ),
    "unknown engine of a fragment": ('engine = { 10a = "jinja" }', "a table of these, not {'10a': 'jinja'}"),
    "unknown kind": ('kind = "link"', "kind must be one of 'file', 'symlink', not 'link'"),
    "wrong kind of condition": ("delete-when = true", "delete-when must be a string, not true"),
    "number as files": ("files = 1", "files"),
    "number as file": ("[files]\none = 1", "files"),
    "unknown key of a file": ('[files.one]\nmood = "0600"', "unknown key 'mood'"),
    "number as advice": ('suspect-lines = { "^x" = 1 }', "suspect-lines"),
    "number in a check": ('check = { command = ["true", 1], package = "coreutils" }', "check"),
    "number beside a check": ('check = { command = ["true"], package = "coreutils", beside = [1] }', "check"),
    "check without a package": ('check = { command = ["true"] }', "check"),
    "no pattern": ('suspect-lines = { "(" = "x" }', "suspect-lines"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named(trees: Trees, text: str, message: str) -> None:
    """Whatever is wrong in a template.toml is one error that names the file and what is wrong in it."""
    trees.standard("/etc/t/10a", "text\n")
    place = trees.standard("/etc/t/template.toml", (text + "\n").encode("latin-1"))
    error = trees.error("/etc/t")
    assert error.place.startswith(str(place))
    assert message in error.message
    assert error.exit_code == ExitCode.TEMPLATE


@pytest.mark.parametrize(
    ("key", "meant"), [("mod", "mode"), ("Mode", "mode"), ("delete_when", "delete-when"), ("filters", "filter")]
)
def test_an_unknown_key_names_the_nearest(trees: Trees, key: str, meant: str) -> None:
    """A key that does not exist is an error that names the nearest one."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/template.toml", f'{key} = "0600"\n')
    error = trees.error("/etc/t")
    assert error.message == f"unknown key {key!r}"
    assert error.hint == f"did you mean {meant!r}?"


def test_a_key_like_no_other_lists_the_known_ones(trees: Trees) -> None:
    """A key that is near none shows all there are."""
    trees.standard("/etc/t/10a", "text\n")
    trees.standard("/etc/t/template.toml", 'qqq = "0600"\n')
    hint = trees.error("/etc/t").hint
    assert all(key in hint for key in ("mode", "owner", "group", "services", "foreach", "delete-when", "engine"))


def test_no_blank_lines(trees: Trees) -> None:
    """The filter ``no-blank-lines`` drops lines of nothing but blanks from the whole text, and keeps all others."""
    trees.standard("/etc/t/template-begin")
    trees.standard("/etc/t/10a", "\n  \na\n b \n\n")
    trees.standard("/etc/t/20b", "\t\nlast")
    trees.standard("/etc/t/template.toml", 'filter = ["no-blank-lines"]\n')
    assert trees.text("/etc/t") == "a\n b \nlast"


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("true", "absent"),
        ("qpsmtpd.DNSBL == 'enabled'", "absent"),
        ("not nosuch", "absent"),
        ("false", "file"),
        ("qpsmtpd.Bcc", "file"),
        ("nosuch.status", "file"),
        ("", "file"),
    ],
)
def test_delete_when(trees: Trees, condition: str, kind: str) -> None:
    """When the condition holds the output should not exist, and its fragments are not even expanded."""
    trees.standard("/etc/t/10a", "{{ nosuch }}\n" if kind == "absent" else "text\n")
    trees.standard("/etc/t/template.toml", f'delete-when = "{condition}"\n')
    assert trees.render("/etc/t").kind.value == kind


@pytest.mark.parametrize(("condition", "kind"), [("qpsmtpd", "left"), ("nosuch", "file")])
def test_skip_when(trees: Trees, condition: str, kind: str) -> None:
    """When the condition holds the output is left alone, whatever else the metadata holds."""
    trees.standard("/etc/t/10a", "{{ nosuch }}\n" if kind == "left" else "text\n")
    trees.standard("/etc/t/template.toml", f'skip-when = "{condition}"\ndelete-when = "{condition}"\n')
    assert trees.render("/etc/t").kind.value == kind


def test_output(trees: Trees) -> None:
    """The output may have another path than its template."""
    trees.standard("/etc/plugins.static/10a", "text\n")
    trees.standard("/etc/plugins.static/template.toml", 'output = "/etc/plugins"\n')
    assert trees.render("/etc/plugins.static").path == "/etc/plugins"


def test_symlink(trees: Trees) -> None:
    """With ``kind = "symlink"`` the text is where a link leads to."""
    trees.standard("/etc/t/template-begin")
    trees.standard("/etc/t/10a", "/usr/{{ SystemName }}\n")
    trees.standard("/etc/t/template.toml", 'kind = "symlink"\n')
    rendering = trees.render("/etc/t")
    assert (rendering.kind.value, rendering.content) == ("symlink", b"/usr/mail")


def test_suspect_lines(trees: Trees) -> None:
    """Lines that belong elsewhere are copied, and a warning says where they belong."""
    trees.standard("/etc/t/template-begin")
    place = trees.custom("/etc/t/10a", "fine\nscore X 1\n")
    trees.standard("/etc/t/template.toml", "suspect-lines = { '^score ' = 'belongs in local.cf' }\n")
    rendering = trees.render("/etc/t")
    assert rendering.content == b"fine\nscore X 1\n"
    assert rendering.warnings == [f"{place}: 'score X 1' belongs in local.cf"]
