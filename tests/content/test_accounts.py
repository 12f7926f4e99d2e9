"""Where mail of users, groups, everyone and unknown names goes: the .qmail files, and what drives them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from esmith.plan.output import Difference, Output
from esmith.plan.plan import Plan
from tests.commands import Root
from tests.content.desk import Desk

HOMES = "/home/e-smith/files/users"
ALIAS = "/var/qmail/alias"
TEMPLATES = (
    *(f"{home}/{name}" for home in ("/home/e-smith", HOMES + "/{key}") for name in (".qmail", ".qmail-junkmail")),
    *(f"{home}/.qmail-default" for home in ("/home/e-smith", HOMES + "/{key}", ALIAS)),
    *(f"{ALIAS}/.qmail-{name}" for name in ("devnull", "localdelivery-default", "shared", "shared-default")),
    *(f"{ALIAS}/.qmail-{name}" for name in ("{key}", "{key}-default")),
    "/etc/cron.daily/purge-junkmail-folders",
)
BOUNCE = "| bouncesaying 'Recipient unknown'"

#: What a plan does to each file: the lines it loses and gains, "create" or "remove".
Changes = dict[str, list[str]]


def changes(plan: Plan) -> Changes:
    """Return what a plan does. A copy of the office has lost the owners of its files, so these do not count."""
    return {output.path: _change(output) for output in plan.changed if output.difference is not Difference.ATTRIBUTES}


def _change(output: Output) -> list[str]:
    if output.difference in (Difference.CREATE, Difference.REMOVE):
        return [output.difference.value]
    old, new = (output.old or b"").decode().splitlines(), output.rendering.content.decode().splitlines()
    return [f"-{line}" for line in old if line not in new] + [f"+{line}" for line in new if line not in old]


def sort_line(user: str) -> str:
    """Return the line that sorts spam out."""
    return f"| condredirect {user}-junkmail /usr/share/e-smith/qmail/plugins/headermatch 'X-Spam-Status: Yes'"


def unsorted(*users: str) -> Changes:
    """Return what changes when the spam of users is not sorted any more."""
    homes = {user: "/home/e-smith" if user == "admin" else f"{HOMES}/{user}" for user in users}
    return {f"{home}/.qmail": [f"-{sort_line(user)}", "+# sortspam disabled"] for user, home in homes.items()}


ROWS: dict[str, tuple[str, Changes]] = {
    "spam-of-one-user": ("db accounts setprop tom SortSpam disabled", unsorted("tom")),
    "spam-of-admin": ("db accounts setprop admin SortSpam disabled", unsorted("admin")),
    "spam-of-all": (
        "config setprop spamassassin SortSpam disabled",
        unsorted("admin", "tom", "jack", "john", "maillog"),
    ),
    "own-setting-beats-that-for-all": (
        "config setprop spamassassin SortSpam disabled\ndb accounts setprop tom SortSpam enabled",
        unsorted("admin", "jack", "john", "maillog"),
    ),
    "enabled-is-what-unset-means": ("config setprop spamassassin SortSpam enabled", {}),
    "forward": (
        "db accounts setprop tom EmailForward forward ForwardAddress tom@example.org",
        {
            f"{HOMES}/tom/.qmail": [
                "-# forwarding disabled",
                "-./Maildir/",
                "+&tom@example.org",
                "+# local delivery disabled",
            ]
        },
    ),
    "forward-and-keep": (
        "db accounts setprop tom EmailForward both ForwardAddress tom@example.org",
        {f"{HOMES}/tom/.qmail": ["-# forwarding disabled", "+&tom@example.org"]},
    ),
    "forward-to-two": (
        "db accounts setprop tom EmailForward both ForwardAddress 'a@example.org, b@example.org'",
        {f"{HOMES}/tom/.qmail": ["-# forwarding disabled", "+&a@example.org", "+&b@example.org"]},
    ),
    "forward-of-admin": (
        "db accounts setprop admin EmailForward both ForwardAddress me@example.org",
        {"/home/e-smith/.qmail": ["-# forwarding disabled", "+&me@example.org"]},
    ),
    "address-without-forwarding": ("db accounts setprop tom ForwardAddress tom@example.org", {}),
    "no-filter": ("db accounts setprop tom Filter no", {f"{HOMES}/tom/.qmail": ["+# filter disabled"]}),
    "delivery-instruction-for-all-but-one": (
        "config --force setprop qmail DeliveryInstruction '| filter'\ndb accounts setprop tom Filter no",
        {
            "/home/e-smith/.qmail": ["+| filter"],
            f"{HOMES}/tom/.qmail": ["+# filter disabled"],
            **{f"{HOMES}/{user}/.qmail": ["+| filter"] for user in ("jack", "john", "maillog")},
        },
    ),
    "not-for-everyone": ("db accounts setprop tom EveryoneEmail no", {f"{ALIAS}/.qmail-shared": ["-&tom"]}),
    "admin-not-for-everyone": ("db accounts setprop admin EveryoneEmail no", {f"{ALIAS}/.qmail-shared": ["-&admin"]}),
    "group-members": (
        "db accounts setprop group1 Members john,maillog",
        {f"{ALIAS}/.qmail-group1": ["-&tom", "-&jack", "+&maillog"]},
    ),
    "members-are-named-once": ("db accounts setprop group1 Members 'tom, jack,john,tom'", {}),
    "group-excludes-users": (
        "db accounts setprop group1 EmailExcludeUsers tom,jack",
        {f"{ALIAS}/.qmail-group1": ["-&tom", "-&jack"]},
    ),
    "group-excludes-a-group": (
        "db accounts setprop group1 EmailExcludeGroups group2",
        {f"{ALIAS}/.qmail-group1": ["-&john"]},
    ),
    "group-excludes-both": (
        "db accounts setprop group1 EmailExcludeGroups group2 EmailExcludeUsers tom",
        {f"{ALIAS}/.qmail-group1": ["-&tom", "-&john"]},
    ),
    "new-group": (
        "db accounts set group3 group Members tom",
        {f"{ALIAS}/.qmail-group3": ["create"], f"{ALIAS}/.qmail-group3-default": ["create"]},
    ),
    "group-being-deleted": (
        "db accounts settype group2 group-deleted",
        {f"{ALIAS}/.qmail-group2": ["remove"], f"{ALIAS}/.qmail-group2-default": ["remove"]},
    ),
    "member-being-deleted": (
        "db accounts settype maillog user-deleted\ndb accounts setprop group1 Members tom,jack,john,maillog",
        {
            **{f"{HOMES}/maillog/{name}": ["remove"] for name in (".qmail", ".qmail-default", ".qmail-junkmail")},
            f"{ALIAS}/.qmail-shared": ["-&maillog"],
        },
    ),
    "new-user": (
        "db accounts set mary user Uid 5009",
        {
            **{f"{HOMES}/mary/{name}": ["create"] for name in (".qmail", ".qmail-default", ".qmail-junkmail")},
            f"{ALIAS}/.qmail-shared": ["+&mary"],
        },
    ),
    "unknown-names-to-admin": (
        "config set EmailUnknownUser admin",
        {f"{ALIAS}/{name}": [f"-{BOUNCE}", "+&admin"] for name in (".qmail-default", ".qmail-localdelivery-default")},
    ),
    "unknown-names-refused": ("config set EmailUnknownUser returntosender", {}),
    "retention-is-read-at-run-time": ("config setprop spamassassin MessageRetentionTime 60", {}),
}


@pytest.mark.parametrize(("commands", "expected"), ROWS.values(), ids=ROWS)
def test_a_setting_changes_these_lines_and_no_others(desk: Desk, commands: str, expected: Changes) -> None:
    """A setting of an account changes the lines of its row, in the files of its row only."""
    with desk.trial(commands) as trial:
        plan = trial.plan(*TEMPLATES)
        assert changes(plan) == expected
        assert plan.warnings == []


TROUBLED = {
    "forward-nowhere-keeps-the-mail": (
        "db accounts setprop tom EmailForward forward",
        f"{HOMES}/tom/.qmail",
        "no ForwardAddress",
        ["+# forwarding disabled: ForwardAddress is empty"],
    ),
    "blanks-are-no-address": (
        "db accounts setprop tom EmailForward forward ForwardAddress ' , '",
        f"{HOMES}/tom/.qmail",
        "no ForwardAddress",
        ["+# forwarding disabled: ForwardAddress is empty"],
    ),
    "a-member-nobody-knows": (
        "db accounts setprop group2 Members john,ghost",
        f"{ALIAS}/.qmail-group2",
        "ghost",
        [],
    ),
    "a-group-nobody-knows": (
        "db accounts setprop group2 EmailExcludeGroups nogroup",
        f"{ALIAS}/.qmail-group2",
        "nogroup",
        [],
    ),
    "unknown-names-to-an-unknown-name": (
        "config set EmailUnknownUser ghost",
        f"{ALIAS}/.qmail-default",
        "ghost",
        [],
    ),
    "unknown-names-to-everyone": (
        "config set EmailUnknownUser everyone",
        f"{ALIAS}/.qmail-default",
        "everyone",
        [],
    ),
}


@pytest.mark.parametrize(("commands", "path", "warning", "gained"), TROUBLED.values(), ids=TROUBLED)
def test_a_setting_that_would_lose_mail_is_warned_of(
    desk: Desk, commands: str, path: str, warning: str, gained: list[str]
) -> None:
    """A setting that would lose mail or send it round in circles gives a warning, and no mail is lost."""
    with desk.trial(commands) as trial:
        plan = trial.plan(*TEMPLATES)
        assert any(text.startswith(f"{path}: ") and warning in text for text in plan.warnings), plan.warnings
        assert [line for line in changes(plan).get(path, []) if line.startswith("+")] == gained
        assert "-./Maildir/" not in changes(plan).get(path, [])


@pytest.mark.parametrize("name", ["a;b", "a b", "a'b", "$(x)", "a|b"])
def test_a_name_cannot_become_a_command(desk: Desk, name: str) -> None:
    """The name of a user that the shell would not take for one word is never put into a command."""
    with desk.trial() as trial:
        trial.do_words(["db", "accounts", "--force", "set", name, "user"])
        (output,) = [output for output in trial.plan(*TEMPLATES).outputs if output.path == f"{HOMES}/{name}/.qmail"]
        assert not [line for line in output.rendering.content.decode().splitlines() if line.startswith("|")]


def test_files_as_a_whole(office: Root) -> None:
    """The files hold their instructions in order, no empty line, mode 0644; admin's are like a user's."""
    homes = {"admin": "/home/e-smith", **{user: f"{HOMES}/{user}" for user in ("tom", "jack", "john", "maillog")}}
    for user, home in homes.items():
        assert instructions(office, f"{home}/.qmail") == [sort_line(user), "# forwarding disabled", "./Maildir/"]
        assert instructions(office, f"{home}/.qmail-junkmail") == [
            "| [ -d ./Maildir/.junkmail/ ] || maildirmake ./Maildir/.junkmail/",
            "./Maildir/.junkmail/",
        ]
        assert office.file(f"{home}/.qmail-default").readlink() == Path(".qmail")
    assert instructions(office, f"{ALIAS}/.qmail-group1") == ["&tom", "&jack", "&john"]
    assert instructions(office, f"{ALIAS}/.qmail-shared") == ["&admin", "&jack", "&john", "&maillog", "&tom"]
    assert instructions(office, f"{ALIAS}/.qmail-default") == [BOUNCE]
    assert office.read(f"{ALIAS}/.qmail-devnull") == "#\n"
    for name in ("group1", "group2", "shared"):
        assert office.file(f"{ALIAS}/.qmail-{name}-default").readlink() == Path(f".qmail-{name}")
    files = [path for area in ("/home/e-smith", ALIAS) for path in office.file(area).rglob(".qmail*")]
    assert len(files) == 24
    for path in files:
        assert "" not in path.read_text().splitlines()
        assert path.stat().st_mode & 0o777 == 0o644


def test_an_override_for_users_is_for_admin_too(office: Root) -> None:
    """A fragment added to the users' .qmail is in admin's as well."""
    office.custom("/home/e-smith/files/users/{key}/.qmail/49note", "| note {{ record.key }}\n")
    office.signal("user-modify")
    assert "| note tom" in office.lines(f"{HOMES}/tom/.qmail")
    assert "| note admin" in office.lines("/home/e-smith/.qmail")


def test_a_file_of_the_users_own_stays(office: Root) -> None:
    """A .qmail-default that a user wrote is left alone; when the user goes, a copy is kept."""
    path = f"{HOMES}/tom/.qmail-default"
    office.file(path).unlink()
    office.write(path, "./Maildir/.lists/\n")
    office.signal("email-update")
    assert office.read(path) == "./Maildir/.lists/\n"
    office.db("accounts", "settype", "tom", "user-deleted")
    office.signal("email-update")
    assert not office.file(path).exists()
    (copy,) = office.file("/var/lib/e-smith/kept").rglob("*tom/.qmail-default*")
    assert copy.read_text() == "./Maildir/.lists/\n"


def instructions(root: Root, path: str) -> list[str]:
    """Return the lines of a file after the banner."""
    lines = root.lines(path)
    rulers = [number for number, line in enumerate(lines) if line.startswith("#-----")]
    assert len(rulers) == 2, path
    return lines[rulers[-1] + 1 :]


LOCAL_PARTS = {
    "user": ("john", "john@localhost"),
    "capitals": ("John", "John@localhost"),
    "extension": ("john-lists", "john-lists@localhost"),
    "pseudonym": ("sales", "sales@localhost"),
    "group-extension": ("group1-x-y", "group1-x-y@localhost"),
    "nobody": ("nobody-here", None),
    "part-of-a-name": ("joh", None),
    "pattern": (".*", None),
    "option": ("-v", None),
    "quote": ('"; touch hacked; "', None),
}


@pytest.mark.parametrize(("local_part", "goal"), LOCAL_PARTS.values(), ids=LOCAL_PARTS)
def test_mail_for_a_domain_reaches_the_account(office: Root, tmp_path: Path, local_part: str, goal: str | None) -> None:
    """Mail for a name that users/assign knows goes on to the account, other mail to what EmailUnknownUser says."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, body in {
        # As qmail's own: condredirect ends the delivery (99) when its program succeeds.
        "condredirect": 'to=$1; shift; "$@" && { echo "to $to"; exit 99; }; exit 0',
        "bouncesaying": 'echo "bounce: $*"; exit 100',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    printed = ""
    for line in instructions(office, f"{ALIAS}/.qmail-localdelivery-default"):
        done = subprocess.run(
            ["sh", "-c", line.removeprefix("|").replace("/var/qmail", str(office.file("/var/qmail")))],
            env={"PATH": f"{programs}:/usr/bin:/bin", "DEFAULT": local_part},
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        printed += done.stdout.decode()
        if done.returncode in (99, 100, 111):
            break
    assert printed == (f"to {goal}\n" if goal else "bounce: Recipient unknown\n")
    assert not (tmp_path / "hacked").exists()
