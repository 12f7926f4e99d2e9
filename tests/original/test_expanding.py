"""Rows of docs/original.md#templates that no other test shows by itself."""

from __future__ import annotations

import stat

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

ME = "/var/qmail/control/me"
TRY = "/etc/e-smith/templates/etc/try/10x"


@pytest.mark.parametrize("words", [(), ("--output", "/tmp/x", ME), ("-output_filename", "/tmp/x", ME)])
def test_options_are_written_out(root: Root, words: tuple[str, ...]) -> None:
    """Without a path, and with an option that is cut short or has one dash, it is wrong usage; no file is made."""
    answer = root.expand(*words, code=ExitCode.USAGE)
    assert "Try 'expand-template --help' for help." in answer.err
    assert not root.file("/tmp/x").exists()
    assert not root.file(ME).exists()


@pytest.mark.program("Text::Template")
def test_fragments_have_the_configuration(root: Root) -> None:
    """ESMITH_CONFIG_DB changes neither what a fragment finds, by whatever way, nor what config works on."""
    root.db("other", "set", "DomainName", "other.example")
    root.write(
        TRY, "{ use esmith::ConfigDB; join '|', $DomainName, esmith::ConfigDB->open_ro->get_value('DomainName') }"
    )
    for name in ("other", str(root.write("/mine", "DomainName=mine.example\n"))):
        root.run("expand-template", "/etc/try", env={"ESMITH_CONFIG_DB": name})
        assert root.lines("/etc/try")[-1] == "example.com|example.com"
        assert root.run("config", "get", "DomainName", env={"ESMITH_CONFIG_DB": name}).out == "example.com\n"


@pytest.mark.program("Text::Template")
def test_messages_name_file_and_line(root: Root) -> None:
    """A warning and an error each begin with the fragment and the line in it."""
    root.write(TRY, "one\n{ warn 'careful'; '' }\n")
    answer = root.expand("/etc/try")
    assert answer.err == f"expand-template: /etc/try: {root.file(TRY)}:2: careful\n"
    root.write(TRY, "one\n\n{ die 'wrong' }\n")
    answer = root.expand("/etc/try", code=ExitCode.TEMPLATE)
    assert answer.err.startswith(f"expand-template: {root.file(TRY)}:3: wrong (for /etc/try)\n")
    assert sorted(path.name for path in root.file("/etc").glob("*try*")) == ["try"]


def test_the_comment_says_what_to_do(root: Root) -> None:
    """It names the command for the setting and the directory for fragments of one's own."""
    root.write(TRY, "text\n")
    root.expand("/etc/try")
    comment = [line for line in root.lines("/etc/try") if line.startswith("#")]
    assert "# !!DO NOT MODIFY THIS FILE!!" in comment
    assert any("config setprop" in line for line in comment)
    assert any("/etc/e-smith/templates-custom/" in line for line in comment)


def test_files_of_a_package_manager_stay(root: Root) -> None:
    """What rpm left beside an output is not removed, also when the output is replaced."""
    for name in ("/etc/try", "/etc/try.rpmsave", "/etc/try.rpmnew"):
        root.write(name, "old\n")
    root.write(TRY, "text\n")
    root.expand("/etc/try")
    assert root.lines("/etc/try")[-1] == "text"
    assert (root.read("/etc/try.rpmsave"), root.read("/etc/try.rpmnew")) == ("old\n", "old\n")


def test_the_record_for_debugging_has_no_effect(root: Root) -> None:
    """With Debug of processTemplate nothing more is printed; --explain shows the fragments."""
    root.config("set", "processTemplate", "x", "Debug", "yes")
    answer = root.expand(ME)
    assert (answer.out, answer.err) == ("", "")
    assert "templates" in root.expand("--explain", ME).out


@pytest.mark.program("perl")
def test_options_go_before_the_metadata(root: Root) -> None:
    """A script that says PERMS gets that mode, whatever templates.metadata says; without it the metadata decide."""
    root.write(TRY, "text\n")
    root.write("/etc/e-smith/templates.metadata/etc/try", "PERMS=0600\n")
    for options, mode in (("PERMS => 0640", 0o640), ("", 0o600)):
        body = f"use esmith::templates; processTemplate({{ TEMPLATE_PATH => '/etc/try', {options} }});"
        place = root.write("/etc/e-smith/events/try/S10x", f"#!/usr/bin/perl\n{body}\n", mode=0o755)
        root.signal("try")
        assert stat.S_IMODE(root.file("/etc/try").stat().st_mode) == mode
        place.unlink()


def test_templates_of_users_are_not_read(office: Root) -> None:
    """A fragment in templates-user changes no file; one in templates-custom at the path of the file does."""
    output = "/home/e-smith/files/users/tom/.qmail"
    office.write("/etc/e-smith/templates-user/.qmail/99mine", "&wrong@example.com\n")
    before = office.read(output)
    office.expand(output)
    assert office.read(output) == before
    office.custom("/home/e-smith/files/users/{key}/.qmail/99mine", "&right@example.com\n")
    office.expand(output)
    assert "&right@example.com" in office.lines(output)


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize(
    "write",
    [
        "$DB->set_prop('qpsmtpd', 'DNSBL', 'enabled')",
        "$$confref{DomainName} = 'x.example'",
        "delete $$confref{qpsmtpd}",
    ],
)
def test_a_fragment_changes_no_database(root: Root, write: str) -> None:
    """Through $DB or $confref: it is an error of the fragment, and the databases are as they were."""
    root.write(TRY, f"{{ {write}; '' }}\n")
    before = root.config("show").out
    answer = root.expand("/etc/try", code=ExitCode.TEMPLATE)
    assert f"{TRY}:1: " in answer.err
    assert root.config("show").out == before
