"""Faults of daemons that stay up: each is made with the real daemon, and esmith services has to name it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    :param others: the questions about the same service that find it, too.
    """

    service: str
    question: str
    make: str
    undo: str
    logged: str = ""
    others: tuple[str, ...] = ()


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
        ("imaps",),
    ),
    Fault("httpd-e-smith", "answers", "pkill -STOP -x apache2", "pkill -CONT -x apache2", others=("https",)),
)


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
        # One process has several ports.
        expected |= {(fault.service, other) for other in fault.others}
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
