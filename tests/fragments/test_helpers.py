"""The functions fragments may call, and which of their reads are recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esmith.patterns.perl import refusal
from tests.fragments.kit import Trees

PASSWD = "tom:x:5001:100:Tom:/home/tom:/bin/sh\n"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("exists('/etc/there')", "True"),
        ("exists('etc/there')", "True"),
        ("exists('/etc')", "True"),
        ("exists('/etc/not-there')", "False"),
        ("exists('/etc/../../../../../../../etc/only-outside')", "False"),
        ("exists('/../outside')", "False"),
        ("read('/etc/there')", "inside\n"),
        ("read('/../../etc/there')", "inside\n"),
        ("read('/etc/not-there') | default('nothing')", "nothing"),
        ("read('/etc') | default('a directory')", "a directory"),
        ("read('/../outside') | default('nothing')", "nothing"),
        ("glob('/etc/[!e]*') | join(' ')", "/etc/passwd /etc/there"),
        ("glob('/etc/th?re') | join(' ')", "/etc/there"),
        ("glob('/*/.hid*') | join(' ')", "/dir/.hidden"),
        ("glob('/../*/there') | join(' ')", "/etc/there"),
        ("glob('/none*') | length", "0"),
        ("passwd('tom').uid", "5001"),
        ("passwd('tom').gid", "100"),
        ("passwd('tom').home", "/home/tom"),
        ("'yes' if passwd('nosuch') else 'no'", "no"),
        ("'yes' if passwd('root') else 'no'", "no"),
    ],
)
@pytest.mark.parametrize("folder", ["root", "r[o]*t"], ids=["plain root", "root with odd characters"])
def test_the_disk_is_the_one_under_the_root(tmp_path: Path, folder: str, call: str, expected: str) -> None:
    """Helpers take absolute paths under the root, give such paths, and cannot be led out of it."""
    trees = Trees(tmp_path / folder)
    (tmp_path / "outside").write_text("outside\n")
    trees.file("/etc/there").write_text("inside\n")
    trees.file("/etc/passwd").write_text(PASSWD)
    trees.file("/dir/.hidden").write_text("")
    assert trees.expand("{{ " + call + " }}") == expected


def test_a_file_that_cannot_be_read_names_it(trees: Trees) -> None:
    """Printing a file that is not there is an error that names it and the cure."""
    error = trees.mistake("one\n{{ read('/etc/nosuch') }}\n")
    assert error.place == f"{trees.fragment}:2"
    assert "/etc/nosuch" in error.message
    assert "exists()" in error.hint


def test_warnings_are_passed_on_once(trees: Trees) -> None:
    """What a fragment warns of goes to the administrator, each text once, and leaves nothing in the output."""
    text = (
        "{% for x in [1, 2] %}\n{% set _ = warn('careful with ' ~ DomainName) %}\n{% endfor %}\nbody\n{{ warn('b') }}"
    )
    assert trees.expand(text) == "body\n"
    assert trees.render("/t").warnings == ["careful with example.com", "b"]


def test_a_template_inside_another(trees: Trees) -> None:
    """``template(PATH, name=value)`` gives the text of another template, with variables of its own."""
    trees.standard("/part/template-begin")
    trees.standard("/part/10a", "{{ user }}@{{ DomainName }}\n")
    text = "{% for user in ('tom', 'zoe') %}\n{{ template('/part', user=user) }}{% endfor %}\n{{ user is defined }}"
    assert trees.expand(text) == "tom@example.com\nzoe@example.com\nFalse"


def test_every_read_is_recorded(trees: Trees) -> None:
    """The properties, records, listings and files that a template looks at are recorded, missing ones too."""
    trees.file("/etc/there").write_text("x\n")
    trees.expand(
        "{{ qpsmtpd.DNSBL }}{{ qpsmtpd.Nosuch | default('') }}{{ DomainName }}{{ nosuch.Prop | default('') }}"
        "{% for r in records('accounts:user') %}{{ r.Uid }}{% endfor %}{% for r in db.hosts %}{% endfor %}"
        "{{ exists('/etc/gone') }}{{ read('/etc/there') }}{{ glob('/etc/x*') | join }}"
    )
    reads = trees.render("/t").reads
    expected = {
        ("configuration", "qpsmtpd", ""): "service",
        ("configuration", "qpsmtpd", "DNSBL"): "enabled",
        ("configuration", "qpsmtpd", "Nosuch"): None,
        ("configuration", "DomainName", ""): "example.com",
        ("configuration", "nosuch", ""): None,
        ("configuration", "nosuch", "Prop"): None,
        ("accounts", "tom", "Uid"): "5001",
        ("accounts", "Zoe", "Uid"): "5002",
    }
    assert expected.items() <= reads.props.items()
    assert {("accounts", "user"), ("hosts", "")} <= reads.listings
    assert {"/etc/gone", "/etc/there", "/etc/x*"} <= reads.files
    assert ("configuration", "qpsmtpd", "Bcc") not in reads.props


def test_what_is_not_looked_at_is_not_recorded(trees: Trees) -> None:
    """A branch that is not taken leaves no read behind."""
    trees.expand("{% if qpsmtpd.DNSBL == 'disabled' %}{{ qpsmtpd.LogLevel }}{% endif %}")
    assert ("configuration", "qpsmtpd", "LogLevel") not in trees.render("/t").reads.props


def test_reads_of_metadata_and_included_templates_are_recorded(trees: Trees) -> None:
    """Conditions and modes in template.toml, headers and included templates are read on behalf of the output."""
    trees.standard("/template-begin", "# {{ SystemName }}\n")
    trees.standard(
        "/t/template.toml", "mode = \"{{ '0600' if qpsmtpd.Bcc else '0644' }}\"\ndelete-when = 'not qpsmtpd'\n"
    )
    trees.standard("/t/10a", "{{ template('/part') }}")
    trees.standard("/part/10b", "{{ qpsmtpd.LogLevel }}")
    props = trees.render("/t").reads.props
    for key, prop in (("SystemName", ""), ("qpsmtpd", "Bcc"), ("qpsmtpd", ""), ("qpsmtpd", "LogLevel")):
        assert ("configuration", key, prop) in props


def test_each_output_has_its_own_reads(trees: Trees) -> None:
    """What one record's output reads is not put down to another's."""
    trees.standard("/home/{key}/.qmail/template.toml", 'foreach = "accounts:user"\n')
    trees.standard("/home/{key}/.qmail/10a", "{{ record.Uid }}\n")
    tom = next(found for found in trees.renderer().render("/home/{key}/.qmail") if found.path == "/home/tom/.qmail")
    assert ("accounts", "tom", "Uid") in tom.reads.props
    assert ("accounts", "Zoe", "Uid") not in tom.reads.props


def test_lines_of_a_list(trees: Trees) -> None:
    """list_lines gives each entry as its reader takes it, once and in order, and leaves out with a warning."""
    entries = "['*@a.test', 'x+y@b.test', '@a.test', '^(c']"
    assert trees.expand(f"{{{{ list_lines('badmailfrom', {entries}) | join(' ') }}}}") == r"@a.test ^x\+y@b\.test$"
    warning = "badmailfrom: '^(c' is left out: it is no regular expression of Perl: Unmatched ("
    assert trees.render("/t").warnings == [warning]


def test_a_list_that_is_not_known(trees: Trees) -> None:
    """A misspelt list is an error that names those that there are."""
    error = trees.mistake("{{ list_lines('badmalfrom', []) | join }}")
    assert "there is no list 'badmalfrom'; there are badhelo, badmailfrom" in error.message


def test_a_literal_for_a_list_of_expressions(trees: Trees) -> None:
    """literal() gives an expression that perl matches with this text only; it holds no blank, which would end it."""
    text = r"Tom.o'Neil+x ^$(a|b)[c]{2}*?\d#@test"
    trees.file("/etc/text").write_text(text)
    gives = trees.expand("{{ literal(read('/etc/text')) }}")
    assert " " not in gives
    assert refusal(gives) == ""
    assert re.fullmatch(gives, text)
    assert not re.fullmatch(gives, text.replace(".", "x"))
