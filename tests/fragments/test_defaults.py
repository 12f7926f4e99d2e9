"""What a Jinja2 fragment reads of a property that is not stored: the default of the schema files."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode
from tests.fragments.kit import Trees

SCHEMA = {
    "configuration/qpsmtpd": """
type = "service"
[properties]
MaxLoad = { type = "integer", default = "7" }
Bcc = { type = "enabled/disabled", default = "disabled" }
Size = { type = "integer", empty = true, default = "15" }
Limit = { type = "integer", empty = true, default = "15", unset = "0" }
Scanner = { type = "size", default = "25", unset = "" }
Mode = { type = "text", unset = "soft" }
Plain = { type = "text" }
""",
    "configuration/ghost": 'type = "service"\n[properties.Port]\ntype = "integer"\ndefault = "99"\n',
    "configuration/DelegateMailServer": '[value]\ntype = "host"\ndefault = ""\nempty = true\nunset = "localhost"\n',
    "configuration/NodeName": '[value]\ntype = "host"\ndefault = "example.com"\n',
    "accounts/@user": 'type = "user"\n[properties]\nFilter = { unset = "yes" }\nShell = { default = "/bin/sh" }\n',
    "accounts/tom": 'type = "user"\n[properties.Shell]\ndefault = "/bin/bash"\n',
}


@pytest.fixture
def schema(trees: Trees) -> Trees:
    """Give trees with schema files."""
    for name, text in SCHEMA.items():
        trees.place("db", f"/{name}.toml").write_text(text)
    return trees


READ = {
    "missing property": ("{{ qpsmtpd.MaxLoad }}", "7"),
    "by name": ("{{ qpsmtpd['MaxLoad'] }}", "7"),
    "through db": ("{{ db.configuration.qpsmtpd.MaxLoad }}", "7"),
    "is defined": ("{{ qpsmtpd.MaxLoad is defined }}", "True"),
    "stored property": ("{{ qpsmtpd.LogLevel }}", "6"),
    "empty property": ("{{ qpsmtpd.Bcc }}", "disabled"),
    "empty property of a record that may not be": ("{% if qpsmtpd.Bcc == '' %}empty{% endif %}", ""),
    "unset before the default": ("{{ qpsmtpd.Limit }}", "0"),
    "empty unset": ("[{{ qpsmtpd.Scanner }}]", "[]"),
    "the next setting of a chain": ("{{ qpsmtpd.Scanner or qpsmtpd.MaxLoad }}", "7"),
    "unset without a default": ("{{ qpsmtpd.Mode }}", "soft"),
    "no default": ("{{ qpsmtpd.Plain is defined }}", "False"),
    "no property": ("{{ qpsmtpd.NoSuchThing or 'none' }}", "none"),
    "a fragment's own fallback": ("{{ qpsmtpd.MaxLoad or '20' }} {{ qpsmtpd.Plain or 'x' }}", "7 x"),
    "missing record": ("{{ ghost.Port }}", "99"),
    "missing record through db": ("{{ db.configuration['ghost'].Port }}", "99"),
    "a missing record stays false": ("{{ 'there' if ghost else 'not there' }}", "not there"),
    "the type of a missing record": ("{{ ghost.type or 'none' }}", "none"),
    "missing value with unset": ("{{ DelegateMailServer }}", "localhost"),
    "missing value with a default": ("{{ NodeName or 'none' }}", "none"),
    "default of a type": ("{{ db.accounts.Zoe.Shell }}", "/bin/sh"),
    "unset of a type": ("{% for u in records('accounts:user') %}{{ u.Filter }} {% endfor %}", "yes yes "),
    "own file before that of the type": ("{{ db.accounts.tom.Shell }}", "/bin/bash"),
    "another type": ("{{ db.accounts.sales.Shell or 'none' }}", "none"),
    "a filter": ("{{ records('accounts:user') | map(attribute='Shell') | join(' ') }}", "/bin/sh /bin/bash"),
    "only what is stored is listed": ("{{ qpsmtpd | properties | length }}", "3"),
}


@pytest.mark.parametrize(("fragment", "expected"), READ.values(), ids=READ)
def test_a_property_that_is_not_stored_reads_as_its_default(schema: Trees, fragment: str, expected: str) -> None:
    """A missing or empty property reads as unset, else as the default; what is stored comes first."""
    assert schema.expand(fragment) == expected


EMPTY = {
    "allowed": ("Size", ""),
    "allowed, with unset": ("Limit", "0"),
    "not allowed": ("MaxLoad", "7"),
    "text": ("Mode", "soft"),
    "no default": ("Plain", ""),
}


@pytest.mark.parametrize(("prop", "expected"), EMPTY.values(), ids=EMPTY)
def test_an_empty_value_counts_only_where_the_schema_allows_it(schema: Trees, prop: str, expected: str) -> None:
    """An empty value reads as a missing one, unless the schema says empty = true and has no unset."""
    schema.snapshot.contents["configuration"]["qpsmtpd"] = ("service", {prop: ""})
    assert schema.expand(f"[{{{{ qpsmtpd.{prop} }}}}]") == f"[{expected}]"


@pytest.mark.program("Text::Template")
def test_a_perl_fragment_sees_what_is_stored(schema: Trees) -> None:
    """A Perl fragment gets no default, neither as a variable nor from get_prop."""
    perl = "{ defined $qpsmtpd{MaxLoad} || defined $DB->get_prop('qpsmtpd', 'MaxLoad') ? 'default' : 'nothing' }"
    assert schema.expand(perl) == "nothing"
    assert schema.expand("[{ $qpsmtpd{Bcc} }]") == "[]"


def test_what_was_read_is_recorded(schema: Trees) -> None:
    """The reads hold what is stored, the default that was used, and the files that decide on it."""
    schema.standard("/t/template-begin")
    schema.standard("/t/10a", "{{ qpsmtpd.MaxLoad }} {{ db.accounts.Zoe.Shell }}")
    reads = schema.render("/t").reads
    cell = ("configuration", "qpsmtpd", "MaxLoad")
    assert reads.props[cell] is None
    assert reads.props["configuration", "qpsmtpd", ""] == "service"
    default = reads.defaults[cell]
    path = "/etc/e-smith/db/configuration/qpsmtpd.toml"
    assert (default.value, default.key, default.path) == ("7", "default", path)
    accounts = {"/etc/e-smith/db/accounts", "/etc/e-smith/db/accounts/@user.toml"}
    assert reads.schemas == {path, "/etc/e-smith/db/configuration", *accounts}


def test_no_schema_file_is_read_for_what_is_stored(schema: Trees) -> None:
    """Where every property is stored a broken schema file does no harm, and nothing depends on it."""
    schema.place("db", "/configuration/qpsmtpd.toml").write_text("[")
    schema.standard("/t/template-begin")
    schema.standard("/t/10a", "{{ qpsmtpd.LogLevel }}")
    assert schema.render("/t").reads.schemas == set()


def test_a_broken_schema_file_is_named(schema: Trees) -> None:
    """A schema file that cannot be read stops the template with an error that names the file."""
    schema.place("db", "/configuration/qpsmtpd.toml").write_text("[")
    error = schema.mistake("{{ qpsmtpd.MaxLoad }}")
    assert error.place.startswith(str(schema.place("db", "/configuration/qpsmtpd.toml")))
    assert error.exit_code is ExitCode.TEMPLATE


def test_a_default_of_several_lines_is_not_printed(schema: Trees) -> None:
    """A default that would add a line to a file is refused, as such a value is."""
    schema.place("db", "/configuration/qpsmtpd.toml").write_text('[properties.MaxLoad]\ndefault = "7\\nroot"\n')
    assert "control character" in schema.mistake("{{ qpsmtpd.MaxLoad }}").message
