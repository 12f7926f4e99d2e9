"""Faults of daemons that stay up: each is made with the real daemon, and esmith services has to name it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.machines.steps import Play

_PATIENCE_SECONDS = 90
#: No mirror is reached from a machine of a test.
_ALWAYS = {("freshclam", "mirror")}
_BAYES = "/var/spool/spamd/.spamassassin/bayes_toks"
_LIST = "/var/service/qpsmtpd/config/peers/local"


@dataclass(frozen=True)
class Fault:
    """A fault.

    :param service: whose it is.
    :param question: which question finds it.
    :param make: makes it, as words for a shell.
    :param undo: takes it away.
    :param logged: a text that the last lines of its log have.
    """

    service: str
    question: str
    make: str
    undo: str
    logged: str = ""


FAULTS = (
    Fault(
        "clamd",
        "waits",
        "mkdir /root/kept; mv /var/clamav/* /root/kept; sv term clamd",
        "mv /root/kept/* /var/clamav; rmdir /root/kept",
    ),
    Fault(
        "spamd",
        "bayes",
        f"touch {_BAYES}; chown root:root {_BAYES}; chmod 600 {_BAYES}",
        f"rm {_BAYES}",
    ),
    Fault(
        "spamd", "answers", "pkill -STOP -x spamd; pkill -STOP -f ^spamd", "pkill -CONT -x spamd; pkill -CONT -f ^spamd"
    ),
    Fault(
        "fetchmail",
        "work",
        "config setprop fetchmail status enabled Method multidrop; signal-event email-update",
        "config setprop fetchmail status disabled Method standard; signal-event email-update",
    ),
    Fault(
        "qpsmtpd",
        "answers",
        f"cp {_LIST} /root/list; echo nosuchplugin >>{_LIST}",
        f"cat /root/list >{_LIST}; rm /root/list",
        "nosuchplugin not found",
    ),
    Fault("qpsmtpd", "names", "pkill -STOP -f '[n]ames.py'", "pkill -CONT -f '[n]ames.py'"),
    Fault(
        "postfix",
        "queue-manager",
        "chmod 0 /usr/lib/postfix/sbin/qmgr; pkill -x qmgr",
        "chmod 755 /usr/lib/postfix/sbin/qmgr; postfix reload",
        "killed by signal",
    ),
    Fault(
        "dovecot",
        "answers",
        "chmod 0 /usr/lib/dovecot/imap-login; pkill -x imap-login || true",
        "chmod 755 /usr/lib/dovecot/imap-login",
        "imap-login) failed: Permission denied",
    ),
    Fault("httpd-e-smith", "answers", "pkill -STOP -x apache2", "pkill -CONT -x apache2"),
)


@dataclass(frozen=True)
class Damage:
    """What esmith doctor has to find, and its own commands have to cure.

    :param area: the area that finds it.
    :param what: a part of what it says.
    :param make: makes it, as words for a shell.
    """

    area: str
    what: str
    make: str


DAMAGES = (
    Damage("services", "spamd is to be up, and is down", "esmith control spamd stop"),
    Damage("directories", "/var/lib/qpsmtpd/karma belongs to root", "chown root /var/lib/qpsmtpd/karma"),
    Damage("units", "dovecot is not started at boot", "touch /var/service/dovecot/down; rm /var/service/spamd/log/run"),
)
#: What a machine of a test has always: no mirror is reached, and its clock is that of the machine around it.
_NEVER_WELL = ("freshclam is up, and of no use", "there are only the test signatures", "nothing sets the clock")


def play_damages(play: Play) -> list[str]:
    """Make the damages, one after another, have each cured as esmith doctor shows, and return what went wrong."""
    wrong = [f"before the first damage: {one['what']}" for one in _bad(play)]
    for damage in DAMAGES:
        play.run("sh", "-c", damage.make)
        found = [one for one in _bad(play, damage.area) if damage.what in one["what"]]
        if not found:
            wrong.append(f"esmith doctor does not find: {damage.make}")
            continue
        for command in found[0]["commands"]:
            play.run("sh", "-c", command)
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


def play_faults(play: Play) -> list[str]:
    """Make the faults, one after another, and return what was not as it should be."""
    wrong = _wait(play, set(), "before the first fault")
    for fault in FAULTS:
        place = f"{fault.service}: {fault.question}"
        expected = {(fault.service, fault.question)}
        if fault.question == "names":
            expected |= {("sqpsmtpd", "names")}
        if fault.service == "qpsmtpd" and fault.question == "answers":
            expected |= {("sqpsmtpd", "answers")}
        play.run("sh", "-c", fault.make)
        try:
            wrong += _wait(play, expected, place, fault.logged)
        finally:
            play.run("sh", "-c", fault.undo)
        wrong += _wait(play, set(), f"{place}, afterwards")
    return wrong


def _wait(play: Play, expected: set[tuple[str, str]], place: str, logged: str = "") -> list[str]:
    """Wait until esmith services names these questions and no others, and return what is wrong at last."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        services = json.loads(play.run("esmith", "services", "--json"))
        useless = {(name, one["question"]): one for name, data in services.items() for one in data.get("useless", [])}
        named = useless.keys() - _ALWAYS
        without_cure = [key for key in named if not useless[key]["commands"]]
        log = "\n".join(line for key in named for line in useless[key]["log"])
        if named == expected and not without_cure and logged in log:
            return []
        if time.monotonic() > deadline:
            return [f"{place}: named are {sorted(named)}, without a cure {without_cure}, and the logs end with:\n{log}"]
        time.sleep(1)
