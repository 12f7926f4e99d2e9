"""The small office the page's examples take for granted, as a root folder everything is expanded in."""

from __future__ import annotations

import os
from pathlib import Path

from tests.commands import Root, copy_prepared, initialise
from tests.page.settings import COMMANDS, USERS
from tests.page.stage import SERVICES, FolderStage

#: Accounts the page's chown calls and the templates need. Numbers as on SME Server where it has fixed ones.
PASSWD = """\
root:x:0:0:root:/root:/bin/bash
qpsmtpd:x:453:453:qpsmtpd:/var/spool/qpsmtpd:/bin/false
spamd:x:1005:1005:spamassassin:/var/spool/spamd:/bin/false
clamav:x:1001:1001:clamav:/var/clamav:/bin/false
alias:x:7790:2108:qmail alias:/var/qmail/alias:/bin/false
admin:x:101:101:administrator:/home/e-smith:/bin/false
"""
GROUP = """\
root:x:0:
qpsmtpd:x:453:
spamd:x:1005:
clamav:x:1001:
nofiles:x:2108:
admin:x:101:
shared:x:500:
www:x:102:
"""


def make_office(path: Path, work: Path) -> Path:
    """Make the office in a folder, and return the folder.

    :param work: a directory for the shell that does it.
    """
    root = initialise(path, "--domain", "example.com", "--name", "mail")
    _accounts(root)
    # The transcripts are those of a machine with qmail, whatever the host has.
    root.write("/var/qmail/bin/qmail-queue", "#!/bin/sh\nexit 0\n", mode=0o755)
    (path / "service").mkdir()
    for name in SERVICES:
        (path / "var/service" / name / "supervise").mkdir(parents=True, exist_ok=True)
        (path / "service" / name).symlink_to(f"../var/service/{name}")
        root.write(f"/var/service/{name}/run", "#!/bin/sh\n", mode=0o755)
    for folder in ("var/spool/spamd/.spamassassin", "root", "var/log/spamd", "var/log/imap", "var/qmail/alias"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    if os.path.isdir("/usr/share/php"):
        # php.ini depends on it, and a machine would have it.
        (path / "usr/share/php").mkdir(parents=True)
    for log in ("spamd", "imap"):
        root.write(f"/var/log/{log}/current", f"@400000005d1f5c3a00000000 {log} is listening\n")
    # What AppArmor allows clamd and freshclam is written on a machine with their profiles.
    for profile in ("usr.sbin.clamd", "usr.bin.freshclam"):
        root.write(f"/etc/apparmor.d/{profile}", "of Debian\n")
    # No certificate, and none is made: the files are the same where openssl is missing.
    (path / "home/e-smith/ssl.pem").mkdir(parents=True)
    (path / "home/e-smith/ssl.pem/pem").symlink_to("/nonexistent")
    stage = FolderStage(path, work, first_pid=0)
    try:
        _settle(stage)
    finally:
        stage.close()
    for fifo in path.glob("var/service/*/supervise/ok"):
        fifo.unlink()
    return path


def _accounts(root: Root) -> None:
    lines = [PASSWD]
    groups = [GROUP]
    for number, user in enumerate(USERS, 5001):
        lines.append(f"{user}:x:{number}:{number}::/home/e-smith/files/users/{user}:/bin/false\n")
        groups.append(f"{user}:x:{number}:\n")
        home = root.file(f"/home/e-smith/files/users/{user}")
        home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(home, number, number)
    for path, shipped in (("/etc/passwd", lines), ("/etc/group", groups)):
        text = "".join(shipped)
        names = {line.split(":")[0] for line in text.splitlines()}
        # The machine's own accounts stay: its programs run as them.
        own = Path(path).read_text().splitlines(keepends=True)
        root.write(path, text + "".join(line for line in own if line.split(":")[0] not in names))


def _settle(stage: FolderStage) -> None:
    commands = COMMANDS.splitlines()
    commands += [
        f"db accounts set {user} user Uid {uid} Gid {uid} EmailForward local" for uid, user in enumerate(USERS, 5001)
    ]
    events = ("bootstrap-console-save", "remoteaccess-update", "email-update")
    for command in [*commands, *(f"signal-event {event}" for event in events)]:
        outcome = stage.run(command)
        assert outcome.code == 0, f"{command}: {outcome.err}"


def copy_office(source: Path, target: Path) -> Path:
    """Copy the office, with owners where one may set them."""
    copy_prepared(source, target)
    return target
