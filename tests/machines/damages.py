"""What esmith doctor has to find on a machine: each is made for real, and its own commands are run."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.machines.steps import Play

_PATIENCE_SECONDS = 90
#: A disk of its own, in the place of one that a mail server has.
_DISK = "/var/qmail/queue"
_FULL = f"mkdir -p {_DISK}; mount -t tmpfs -o size=4m{{}} tmpfs {_DISK}; cd {_DISK}; "
_UNMOUNT = f"umount {_DISK}; rmdir {_DISK}; rmdir --ignore-fail-on-non-empty -p /var/qmail || true"
#: Without its queue manager Postfix leaves a mail where it came in: none is delivered or returned meanwhile.
_NO_MANAGER = "chmod 0 /usr/lib/postfix/sbin/qmgr; pkill -x qmgr; "
_MANAGER = "chmod 755 /usr/lib/postfix/sbin/qmgr; postfix reload; sleep 1; "
#: A mail that Postfix says is old: the seconds in its record of the time (REC_TYPE_TIME of its queue files) are others.
#: Its file may be executed as soon as the mail is whole (MAIL_QUEUE_STAT_READY); cleanup writes it until then, and
#: postsuper moves it before that, too.
_OLD_MAIL = """echo x | sendmail -f root nobody@nowhere.invalid
for i in $(seq 100); do
    file=$(find /var/spool/postfix/incoming -type f -perm -u=x | head -n 1); [ "$file" ] && break
    sleep 0.1
done
perl -e 'open F, "+<", $ARGV[0] or die; binmode F; local $/; $_ = <F>; /T.(\\d{{10}}) / or die;
    seek F, $-[1], 0; printf F "%010d", $1 - {seconds}; close F or die' "$file" || exit
"""


@dataclass(frozen=True)
class Damage:
    """What esmith doctor has to find, and its own commands have to cure.

    :param area: the area that finds it.
    :param what: a part of what it says.
    :param make: makes it, as words for a shell.
    :param undo: takes it away, where its own commands only show what to do or need what a machine of a test has not.
    :param runs_cure: whether its commands are run; where they would wait for a mirror, they are not.
    """

    area: str
    what: str
    make: str
    undo: str = ""
    runs_cure: bool = True


DAMAGES = (
    Damage("services", "spamd is to be up, and is down", "esmith control spamd stop"),
    Damage("directories", "/var/lib/qpsmtpd/karma belongs to root", "chown root /var/lib/qpsmtpd/karma"),
    Damage("units", "dovecot is not started at boot", "touch /var/service/dovecot/down; rm /var/service/spamd/log/run"),
    Damage("disk", "0 MB (0%) left for the queue", f"{_FULL.format('')} cat /dev/zero >full || true", _UNMOUNT),
    Damage(
        "disk",
        "0% of the inodes left for the queue",
        f"{_FULL.format(',nr_inodes=50')} for i in $(seq 100); do touch $i || break; done",
        _UNMOUNT,
    ),
    Damage(
        "queue",
        "the oldest mail waits for 2.0 days",
        _NO_MANAGER + _OLD_MAIL.format(seconds=2 * 86_400) + f"postsuper -h ALL; {_MANAGER}",
        "postsuper -d ALL",
    ),
    Damage(
        "queue",
        "1 mail came in over a quarter of an hour ago, and is not taken up",
        _NO_MANAGER + _OLD_MAIL.format(seconds=3600),
        f"{_MANAGER}postsuper -d ALL",
    ),
    Damage(
        "signatures",
        "the newest virus signatures are 20 days old",
        "cd /var/clamav; cp -p e-smith-test.ndb local.ndb; touch -d '20 days ago' local.ndb",
        "rm /var/clamav/local.ndb",
        runs_cure=False,
    ),
)
#: What a machine of a test has always: no mirror is reached, and its clock is that of the machine around it.
_NEVER_WELL = ("freshclam is up, and of no use", "there are only the test signatures", "nothing sets the clock")


def play_damages(play: Play) -> list[str]:
    """Make the damages, one after another, have each cured as esmith doctor shows, and return what went wrong."""
    wrong = [f"before the first damage: {one['what']}" for one in _bad(play)]
    for damage in DAMAGES:
        play.run("sh", "-c", damage.make)
        try:
            found = [one for one in _bad(play, damage.area) if damage.what in one["what"]]
            if not found:
                wrong.append(f"esmith doctor does not find: {damage.make}")
            for command in found[0]["commands"] if found and damage.runs_cure else ():
                play.run("timeout", "30", "sh", "-c", command, code=None if damage.undo else 0)
        finally:
            if damage.undo:
                play.run("sh", "-c", damage.undo)
        # A daemon takes a while until it answers.
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (left := _bad(play, damage.area)) and time.monotonic() < deadline:
            time.sleep(1)
        wrong += [f"{damage.what}: not cured: {one['what']}" for one in left]
    return wrong


def _bad(play: Play, *areas: str) -> list[dict[str, Any]]:
    found = json.loads(play.run("esmith", "doctor", "--json", *areas, code=None))["findings"]
    bad = [one for one in found if one["severity"] in ("failing", "warning")]
    return [one for one in bad if not one["what"].startswith(_NEVER_WELL)]
