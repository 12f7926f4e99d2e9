"""``signal-event`` as a command: what it says, and its options."""

from __future__ import annotations

import json

import pytest

from tests.commands import Root
from tests.events.kit import look_at_files, make_event
from tests.unchecked import without_unchecked

PEERS = "/var/service/qpsmtpd/config/peers/0"


def _everything(root: Root) -> dict[str, object]:
    """Return every file, link and directory of the root; LMDB's table of readers is not content."""
    found: dict[str, object] = {}
    for place in root.path.rglob("*"):
        if place.is_symlink() or place.is_dir():
            found[f"/{place.relative_to(root.path)}"] = place.readlink() if place.is_symlink() else "directory"
    return found | look_at_files(root, besides=("/home/e-smith/db/lock.mdb",))


def test_it_is_silent(office: Root) -> None:
    """Called by a script it prints nothing when all went well."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    answer = office.signal("email-update")
    assert (answer.out, answer.err) == ("", "")


@pytest.mark.parametrize("option", ["--verbose", "-v"])
def test_verbose_says_what_was_done(office: Root, option: str) -> None:
    """With --verbose it says on stderr which files changed, which actions ran, and how many files there are."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    answer = office.signal(option, "email-update")
    lines = answer.err.splitlines()
    assert answer.out == ""
    assert f"signal-event: {PEERS}: replace" in lines
    assert "signal-event: action S30qmail-newu" in lines
    assert lines[-1].endswith(" unchanged")


@pytest.mark.parametrize("fresh", [True, False], ids=["nothing expanded yet", "one setting changed"])
def test_a_dry_run_changes_nothing(request: pytest.FixtureRequest, fresh: bool) -> None:
    """With --dry-run nothing under the root changes, the databases, the log and the lock included."""
    root: Root = request.getfixturevalue("root" if fresh else "office")
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    make_event(root.path, "email-update", actions={"S04": 'touch "$ESMITH_ROOT/ran"'})
    root.write("/etc/clamd.conf", "by hand\n")
    before = _everything(root)
    answer = root.signal("--dry-run", "--diff", "email-update")
    assert _everything(root) == before
    assert f"{PEERS}: {'create' if fresh else 'replace'}" in answer.out.splitlines()
    assert "action S04" in answer.out.splitlines()
    assert "-by hand" in answer.out.splitlines()


def test_a_dry_run_shows_what_the_event_does(office: Root) -> None:
    """What --dry-run announces is what the event then does."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "LogLevel", "7")
    announced = office.signal("--dry-run", "email-update").out.splitlines()
    done = office.signal("--verbose", "email-update").err.splitlines()
    assert done == [f"signal-event: {line}" for line in announced]
    again = office.signal("--dry-run", "email-update").out.splitlines()
    assert [line for line in again if line.startswith("/")] == []


def test_a_diff(office: Root) -> None:
    """--diff shows each change as a unified diff, in a rehearsal and in earnest alike."""
    office.config("set", "DomainName", "changed.example")
    announced = office.signal("--dry-run", "--diff", "email-update").out
    assert "--- /var/qmail/control/me\n+++ /var/qmail/control/me\n" in announced
    assert "-mail.example.com\n" in announced
    assert "+mail.changed.example\n" in announced
    done = office.signal("--diff", "email-update").out
    assert done
    assert announced.startswith(done)


@pytest.mark.parametrize("change", ["set", "delprop"])
def test_a_diff_hides_secrets(office: Root, change: str) -> None:
    """A file that holds a secret, or held one, is named in a diff and never shown."""
    office.config("setprop", "clamav", "HTTPProxyServer", "proxy.example.com", "HTTPProxyPassword", "s3cret-word")
    if change == "delprop":
        office.signal("email-update")
        office.config("delprop", "clamav", "HTTPProxyPassword")
    answer = office.signal("--dry-run", "--diff", "email-update")
    assert "/etc/freshclam.conf" in answer.out
    assert "s3cret-word" not in answer.out + answer.err


def test_json(office: Root) -> None:
    """--json prints what was done as one object."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    data = json.loads(office.signal("--json", "email-update").out)
    assert {"path": PEERS, "change": "replace"} in data["files"]
    assert "S30qmail-newu" in data["actions"]
    assert data["unchanged"] > 30


def test_warnings_go_to_stderr(root: Root) -> None:
    """What a fragment warns of is shown on stderr, once, and the event succeeds."""
    root.custom("/etc/php.ini/05warn", "{{ warn('take care') }}")
    answer = root.signal("email-update")
    assert answer.out == ""
    assert answer.err.count("take care") == 1
    assert "/etc/php.ini: take care" in answer.err


def test_a_file_edited_by_hand_is_reported(office: Root) -> None:
    """When a file that was edited by hand is replaced, a message says so, with the place of the edited file."""
    office.file("/etc/clamd.conf").write_text("# mine\n")
    answer = office.signal("email-update")
    (line,) = [line for line in without_unchecked(answer.err).splitlines() if "clamd.conf" in line]
    assert "edited by hand" in line
    assert office.read(line.rpartition(" ")[2]) == "# mine\n"


def test_a_link_to_nothing_among_fragments_stops_the_event(root: Root) -> None:
    """The file would lack what the link is for: it is an error that names the link, and no file is touched."""
    place = root.custom("/etc/php.ini/05", "")
    place.unlink()
    place.symlink_to("nowhere")
    answer = root.signal("email-update", code=4)
    assert f"{place}: is a link that leads nowhere: nowhere (for /etc/php.ini)" in answer.err
    assert not root.file("/etc/php.ini").exists()


def test_arguments_that_look_like_options(root: Root) -> None:
    """What follows the event's name and a -- is for the actions, options and all."""
    make_event(root.path, "try", actions={"S10": 'echo "$*" >"$ESMITH_ROOT/arguments"'})
    root.signal("try", "-", "x", "--", "--dry-run", "-v", "--", "--help")
    assert root.read("/arguments") == "try - x --dry-run -v -- --help\n"


@pytest.mark.parametrize(
    ("word", "cure"),
    [
        ("--dry-run", "an option, which comes before the event: signal-event --dry-run try"),
        ("--timeout=5", "an option, which comes before the event: signal-event --timeout=5 try"),
        ("--help", "an option, which comes before the event: signal-event --help try"),
        ("-x", "begins with - comes after --: signal-event try -- -x"),
    ],
)
def test_an_option_behind_the_event(root: Root, word: str, cure: str) -> None:
    """An option behind the event is refused with the right order: the event must not do what it was only to show."""
    make_event(root.path, "try", actions={"S10": 'touch "$ESMITH_ROOT/ran"'})
    assert cure in root.signal("try", "alice", word, code=2).err
    assert not root.file("/ran").exists()


def test_help(root: Root) -> None:
    """--help explains the command with examples."""
    answer = root.signal("--help")
    assert "signal-event email-update" in answer.out
    assert answer.err == ""
