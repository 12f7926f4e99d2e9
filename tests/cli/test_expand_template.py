"""``expand-template`` as a command."""

from __future__ import annotations

import os
import stat

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.events.kit import make_old

ME = "/var/qmail/control/me"
QUEUE = "/var/qmail/control/queuelifetime"
PEERS = "/var/service/qpsmtpd/config/peers/0"


def test_it_is_silent(root: Root) -> None:
    """It writes the file and prints nothing."""
    answer = root.expand(ME)
    assert (answer.out, answer.err) == ("", "")
    assert root.read(ME) == "mail.example.com\n"


def test_several_templates(root: Root) -> None:
    """Several paths are expanded together."""
    root.expand(ME, QUEUE)
    assert (root.read(ME), root.read(QUEUE)) == ("mail.example.com\n", "604800\n")


def test_all_or_none(root: Root) -> None:
    """When one of several templates is broken none is written."""
    root.custom(QUEUE, "{{ nosuch }}\n")
    answer = root.expand(ME, QUEUE, code=ExitCode.TEMPLATE)
    assert f"templates-custom{QUEUE}:1: " in answer.err
    assert not root.file(ME).exists()
    assert not root.file(QUEUE).exists()


def test_an_unchanged_file_is_not_rewritten(root: Root) -> None:
    """Expanding again keeps inode and modification time."""
    root.expand(ME)
    before = root.snapshot("/var/qmail")
    root.expand(ME)
    assert root.snapshot("/var/qmail") == before


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
def test_a_file_keeps_its_mode(root: Root, mode: int) -> None:
    """A file keeps the mode it has; an event gives it the mode of its template."""
    root.expand(ME)
    root.file(ME).chmod(mode)
    root.config("set", "SystemName", "post")
    root.expand(ME)
    assert root.read(ME) == "post.example.com\n"
    assert stat.S_IMODE(root.file(ME).stat().st_mode) == mode
    root.signal("email-update")
    assert stat.S_IMODE(root.file(ME).stat().st_mode) == 0o644


@pytest.mark.parametrize("option", ["--output_filename", "--output-filename"])
def test_output_filename(root: Root, option: str) -> None:
    """The output may go to another file, under the root; the template's own file is not touched."""
    root.expand(f"{option}=/tmp/elsewhere", ME)
    assert root.read("/tmp/elsewhere") == "mail.example.com\n"
    assert not root.file(ME).exists()


def test_expand_queue(root: Root) -> None:
    """Fragments may be looked for in other directories of /etc/e-smith, the first before the second.

    As in the original, the comment of templates-default comes before them, unless they have a template-begin.
    """
    root.write("/etc/e-smith/near/etc/x/10a", "near\n")
    root.write("/etc/e-smith/far/etc/x/10a", "far\n")
    root.write("/etc/e-smith/far/etc/x/20b", "far\n")
    root.expand("--expand_queue=/etc/e-smith/near", "--expand_queue=far", "/etc/x")
    comment = root.read("/etc/e-smith/templates-default/template-begin")
    assert root.read("/etc/x") == f"{comment}near\nfar\n"
    root.write("/etc/e-smith/far/template-begin", "")
    root.expand("--expand_queue=/etc/e-smith/near", "--expand_queue=far", "/etc/x")
    assert root.read("/etc/x") == "near\nfar\n"


def test_one_output_of_many(office: Root) -> None:
    """The path of one record's file expands that one; the path with {key} expands all of them."""
    root = office
    root.custom("/home/x/{key}/10a", "{{ record.key }}\n")
    root.custom("/home/x/{key}/template.toml", 'foreach = "accounts:user"\n')
    root.custom("/home/x/{key}/template-begin", "")
    root.expand("/home/x/tom")
    assert sorted(os.listdir(root.file("/home/x"))) == ["tom"]
    root.expand("/home/x/{key}")
    assert sorted(os.listdir(root.file("/home/x"))) == ["jack", "john", "maillog", "tom"]
    assert root.read("/home/x/jack") == "jack\n"


@pytest.mark.parametrize("option", ["--dry-run", "--explain"])
def test_looking_changes_nothing(root: Root, option: str) -> None:
    """With --dry-run or --explain no file is written and no directory made."""
    before = {place.relative_to(root.path) for place in root.path.rglob("*")}
    root.expand(option, "--diff", ME, PEERS)
    assert {place.relative_to(root.path) for place in root.path.rglob("*")} == before


def test_diff(root: Root) -> None:
    """--diff shows what changes, in a rehearsal and in earnest."""
    root.expand(ME)
    root.config("set", "SystemName", "post")
    expected = [f"--- {ME}", f"+++ {ME}", "@@ -1 +1 @@", "-mail.example.com", "+post.example.com"]
    assert root.expand("--dry-run", "--diff", ME).out.splitlines() == expected
    assert root.expand("--diff", ME).out.splitlines() == expected
    assert root.expand("--diff", ME).out == ""


def test_explain(root: Root) -> None:
    """--explain shows each fragment with its layer, engine and path, what is skipped, read and who reads the file."""
    root.custom("/etc/x/20own", "{{ qpsmtpd.DNSBL }}{{ qpsmtpd.Nosuch | default('') }}{{ exists('/etc/flag') }}\n")
    root.write("/etc/e-smith/templates/etc/x/10plain", "plain\n")
    root.write("/etc/e-smith/templates/etc/x/20own", "hidden\n")
    root.write("/etc/e-smith/templates/etc/x/30masked", "hidden\n")
    root.write("/etc/e-smith/templates/etc/x/template-begin", "")
    root.custom("/etc/x/30masked", "")
    root.custom("/etc/x/20own~", "leftover\n")
    root.custom("/etc/x/template.toml", 'mode = "0640"\nservices = { clamd = "restart" }\n')
    lines = [line.split() for line in root.expand("--explain", "/etc/x").out.splitlines()]
    words = [" ".join(line) for line in lines]
    assert words[0] == "/etc/x: create, mode 0640, owner root:root"
    assert "10plain templates text (has nothing to expand)" in words
    assert "20own templates-custom jinja2 (has {{)" in words
    assert "/etc/e-smith/templates-custom/etc/x/20own" in words
    assert "30masked templates-custom text (has nothing to expand)" in words
    assert not any("templates/etc/x/20own" in line for line in words)
    assert "skipped /etc/e-smith/templates-custom/etc/x/20own~: left by an editor or a package" in words
    assert "reads configuration qpsmtpd DNSBL" in words
    assert "reads configuration qpsmtpd Nosuch (missing)" in words
    assert "looks at /etc/flag" in words
    assert "read by clamd (restart)" in words


def test_explain_names_of_any_bytes(root: Root) -> None:
    """A fragment whose name is not UTF-8 is expanded, and explained in a form that any terminal takes."""
    folder = os.fsencode(root.file("/etc/e-smith/templates-custom/etc/x"))
    os.makedirs(folder)
    with open(os.path.join(folder, b"10\xe9"), "wb") as file:
        file.write(b"text\n")
    root.expand("/etc/x")
    assert root.read("/etc/x").endswith("text\n")
    assert "10" in root.expand("--explain", "/etc/x").out


def test_no_service_is_adjusted(root: Root) -> None:
    """It expands files only: the log names no service and no action."""
    root.expand("/etc/clamd.conf")
    log = root.file("/var/log/e-smith/events.log")
    text = log.read_text() if log.exists() else ""
    assert "adjusting" not in text
    assert "event handler" not in text


def test_help(root: Root) -> None:
    """--help explains the command with examples."""
    assert "expand-template --explain" in root.expand("--help").out


@pytest.fixture
def banner(root: Root) -> Root:
    """A root with a file that was made with the template of another."""
    root.custom("/etc/lines", "one\n")
    root.custom("/etc/banner", "{{ template('/etc/lines') }}two\n")
    make_old(root.path)
    root.expand("/etc/lines", "/etc/banner")
    return root


def test_what_is_made_with_it(banner: Root) -> None:
    """A file that is made with a template is expanded with it, and named when it changed."""
    banner.custom("/etc/lines", "ten\n")
    line = "/etc/banner {}, too: it is made with /etc/lines\n"
    assert banner.expand("--dry-run", "/etc/lines").out == line.format("would change")
    assert banner.read("/etc/banner") == "one\ntwo\n"
    assert banner.expand("/etc/lines").out == line.format("changed")
    assert banner.read("/etc/banner") == "ten\ntwo\n"
    assert banner.expand("/etc/lines").out == ""


def test_all_or_none_of_what_is_made_with_it(banner: Root) -> None:
    """When a file cannot be made that is made with a template, none is written."""
    banner.custom("/etc/lines", "ten\n")
    banner.custom("/etc/banner", "{{ template('/etc/lines') }}{{ nosuch }}\n")
    answer = banner.expand("/etc/lines", code=ExitCode.TEMPLATE)
    assert "(for /etc/banner)" in answer.err
    assert banner.read("/etc/lines") == "one\n"


@pytest.mark.program("Text::Template")
def test_what_is_made_with_it_again_at_once(banner: Root) -> None:
    """It is known also of a file that was made of a fragment of this very moment, and of one with a Perl fragment."""
    banner.custom("/etc/perl/10lines", "{{ template('/etc/lines') }}")
    banner.custom("/etc/perl/20perl", "{ 1 + 1 }\n")
    banner.expand("/etc/perl")
    for text in ("ten\n", "eleven\n", "twelve\n"):
        banner.custom("/etc/lines", text)
        banner.expand("/etc/lines")
        assert banner.read("/etc/banner") == f"{text}two\n"
        assert text in banner.read("/etc/perl")


def test_what_was_made_with_it_and_is_gone(banner: Root) -> None:
    """A file whose own template is gone stays as it is, and keeps no other from being expanded."""
    banner.file("/etc/e-smith/templates-custom/etc/banner").unlink()
    banner.custom("/etc/lines", "ten\n")
    assert banner.expand("/etc/lines").out == ""
    assert (banner.read("/etc/lines"), banner.read("/etc/banner")) == ("ten\n", "one\ntwo\n")


def test_other_fragments_change_nothing_else(banner: Root) -> None:
    """With another output or other directories of fragments only the file named is written."""
    banner.custom("/etc/lines", "ten\n")
    banner.expand("--output_filename=/tmp/elsewhere", "/etc/lines")
    banner.write("/etc/e-smith/near/etc/lines", "near\n")
    banner.expand("--expand_queue=near", "/etc/lines")
    assert banner.read("/etc/banner") == "one\ntwo\n"


def test_a_diff_has_it_once(banner: Root) -> None:
    """With --diff the change of each file is shown, and no line says it again."""
    banner.custom("/etc/lines", "ten\n")
    out = banner.expand("--diff", "/etc/lines").out
    assert out.count("+++ /etc/banner") == 1
    assert "too:" not in out
