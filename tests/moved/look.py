"""What is looked at after the move: each function returns what is wrong, "" for nothing. Standard library only."""

from __future__ import annotations

import grp
import os
import pwd
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.moved import old_server
from tests.moved.old_server import GROUPS, PEOPLE, TAKEN_GROUP, TAKEN_NUMBER

HOMES = Path("/home/e-smith/files/users")
Look = Callable[[dict[str, str]], str]


def _output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def _step(printed: dict[str, str], start: str) -> str:
    return next(text for heading, text in printed.items() if heading.startswith(start))


def accounts(_printed: dict[str, str]) -> str:
    """every user has a unix account, with the old number where it was free, and the record has the number"""
    for person in PEOPLE:
        try:
            user = pwd.getpwnam(person.name)
        except KeyError:
            return f"there is no unix account {person.name}"
        if (user.pw_uid == person.number) is (person.name == TAKEN_NUMBER):
            return f"{person.name} has number {user.pw_uid}"
        if _output("db", "accounts", "getprop", person.name, "Uid") != str(user.pw_uid):
            return f"the record of {person.name} has another Uid"
    return ""


def groups(_printed: dict[str, str]) -> str:
    """every group has a unix group with its members; one whose name the system has is left alone"""
    for name, (number, members) in GROUPS.items():
        group = grp.getgrnam(name)
        wanted = sorted(member for member in members.split(",") if member != "ghost")
        if name != TAKEN_GROUP and (group.gr_gid, sorted(group.gr_mem)) != (number, wanted):
            return f"{name} is {group}"
        if name == TAKEN_GROUP and (group.gr_gid == number or group.gr_mem):
            return f"{name} was changed: {group}"
    return ""


def mail(_printed: dict[str, str]) -> str:
    """every mail of every user is in the Maildir, belongs to the user, and nobody else may read it"""
    for person in PEOPLE:
        home = HOMES / person.name
        uid = pwd.getpwnam(person.name).pw_uid
        mails = sorted(path for path in home.rglob("*.oldserver*"))
        if len(mails) != 4:
            return f"{person.name} has {len(mails)} mails"
        for path in (home, *(home / "Maildir").rglob("*")):
            if path.lstat().st_uid != uid:
                return f"{path} belongs to {path.lstat().st_uid}, not to {person.name} ({uid})"
        if home.stat().st_mode & 0o077 or (home / "Maildir").stat().st_mode & 0o077:
            return f"others may enter {home}"
    admin = pwd.getpwnam("admin").pw_uid
    found = list(Path("/home/e-smith/Maildir").rglob("*.oldserver*"))
    return "" if len(found) == 4 and all(path.stat().st_uid == admin for path in found) else f"admin has {found}"


def passwords(printed: dict[str, str]) -> str:
    """every user logs in with the old password: the hash is the old one; root, admin and the system kept theirs"""
    old = dict(line.split(":")[:2] for line in _old_shadow())
    here = dict(line.split(":")[:2] for line in Path("/etc/shadow").read_text().splitlines())
    for person in PEOPLE:
        if person.password and here[person.name] != old[person.name]:
            return f"the hash of {person.name} is another"
        if not person.password and not here[person.name].startswith("!"):
            return f"{person.name} got a password"
    for name in ("root", "admin"):
        if here.get(name) == old[name]:
            return f"{name} got the password of the old server"
    for name in ("mary", "tom"):
        # As PAM asks (unix_chkpwd(8)): the password on its standard input, ended by a NUL.
        for word, wanted in ((old_server.PASSWORD, True), ("another", False)):
            done = subprocess.run(
                ["/sbin/unix_chkpwd", name, "nonull"], input=f"{word}\0".encode(), capture_output=True, check=False
            )
            if (done.returncode == 0) is not wanted:
                return f"PAM {'refuses' if wanted else 'takes'} a password of {name}"
    report = _step(printed, "6.")
    hashes = [text for text in old.values() if len(text) > 2]
    if any(text in shown for text in hashes for shown in printed.values()):
        return "a hash was printed"
    return "" if "7 passwords set" in report else report


def _old_shadow() -> list[str]:
    return Path("/root/old/shadow").read_text().splitlines()


def settings(_printed: dict[str, str]) -> str:
    """the settings are the old ones, brought up to date, with both domains"""
    wanted = {
        ("config", "get", "DomainName"): old_server.DOMAIN,
        ("config", "getprop", "qpsmtpd", "DNSBL"): "enabled",
        ("config", "getprop", "clamav", "MaxFiles"): "1500",
        ("config", "getprop", "smtpd", "Proxy"): "blocked",
        ("db", "accounts", "getprop", "mary", "EmailForward"): "local",
        ("db", "accounts", "getprop", "zoe-z", "FirstName"): "Zoë",
        ("db", "domains", "gettype", old_server.SECOND): "domain",
        ("db", "accounts", "getprop", f"boss@{old_server.SECOND}", "Account"): "Bob",
    }
    wrong = [f"{' '.join(words)}: {found!r}" for words, value in wanted.items() if (found := _output(*words)) != value]
    return ", ".join(wrong)


def report(printed: dict[str, str]) -> str:
    """the report has what was repaired, what migrations took away, what leads nowhere, and what to do next"""
    text = _step(printed, "3.")
    wanted = (
        "zoe-z FirstName: the value is not UTF-8: read as Latin-1",
        "admin EmailForward: 'procmail' became 'local' (and 1 more record alike)",
        "php MagicQuotes: 'Off' was dropped: PHP has no such setting since version 5.4.",
        "sales Members: accounts has no record 'ghost'",
        "gone Account: accounts has no record 'nobody-there'",
        "sorbs.net was closed",
        "next: signal-event bootstrap-console-save",
    )
    missing = [line for line in wanted if line not in text]
    return f"{missing} is not in\n{text}" if missing else ""


def machine(printed: dict[str, str]) -> str:
    """addresses of the old machine and a second primary domain were shown, and the cures took them away"""
    text = _step(printed, "3.")
    # The domain is corrected for good: a second move finds one primary domain.
    second = ["SystemPrimaryDomain"] * ("SystemPrimaryDomain: yes -> no" not in _output("esmith", "history"))
    for place in ("configuration LocalIP", "configuration InternalInterface IPAddress", *second):
        if not re.search(f"not right for this machine: .*{place}", text):
            return f"{place} is not in\n{text}"
    later = _output("esmith", "status", "-v")
    return later if "not right for this machine" in later else ""


def fragments(_printed: dict[str, str]) -> str:
    """the fragments of the old administrator, also those in Perl, are in the generated files"""
    local_cf = Path("/etc/mail/spamassassin/local.cf").read_text()
    for line in ("score OLD_OFFICE_RULE 3.500", f"# {len(PEOPLE)} users of {old_server.DOMAIN}, sorted: enabled"):
        if line not in local_cf.splitlines():
            return f"{line!r} is not in local.cf"
    if "# no 17check_basicheaders" not in Path("/var/service/qpsmtpd/config/peers/local").read_text():
        return "the fragment of qpsmtpd is not in peers/local"
    found = Path("/var/qmail/control/concurrencyremote").read_text()
    return "" if found == "33\n" else f"concurrencyremote holds {found!r}"


def receivers(_printed: dict[str, str]) -> str:
    """qpsmtpd takes mail for the users of both domains, also with capitals, and .qmail says where mail goes"""
    known = Path("/var/service/qpsmtpd/config/goodrcptto").read_text().lower().splitlines()
    addresses = [f"{name}@{old_server.DOMAIN}" for name in ("mary", "MaryAnn")]
    addresses += [f"{name}@{old_server.SECOND}" for name in ("zoe-z", "info", "boss")]
    for address in addresses:
        if address.lower() not in known:
            return f"{address} is not in goodrcptto"
    if "&tom@home.example" not in (HOMES / "tom/.qmail").read_text():
        return "the forward of tom is not in his .qmail"
    return ""


def keys(_printed: dict[str, str]) -> str:
    """the certificate and the DKIM key are the old ones, and only those who need them may read them"""
    pem, private = Path("/home/e-smith/ssl.pem/pem"), Path("/home/e-smith/dkim_keys/default/private")
    # Since version 3.2 openssl writes no blanks there.
    subject = _output("openssl", "x509", "-noout", "-subject", "-in", str(pem)).replace(" ", "")
    if f"CN=mail.{old_server.DOMAIN}" not in subject:
        return "the certificate is another one"
    if pem.stat().st_mode & 0o077 or pem.stat().st_uid != 0:
        return f"{pem} has mode {pem.stat().st_mode:o}"
    if private.read_bytes() != Path("/root/old/dkim_keys/default/private").read_bytes():
        return "the DKIM key is another one"
    status = private.stat()
    if (status.st_mode & 0o777, status.st_uid) != (0o400, pwd.getpwnam("qpsmtpd").pw_uid):
        return f"{private} has mode {status.st_mode:o} and belongs to {status.st_uid}"
    return ""


def again(_printed: dict[str, str]) -> str:
    """the event once more makes no account, and the accounts are all there"""
    done = subprocess.run(["esmith", "accounts", "users-and-groups"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or done.stdout:
        return f"it exits {done.returncode}: {done.stdout}{done.stderr}"
    # What belongs to another machine's number would be named here.
    return done.stderr if "belongs to number" in done.stderr or os.environ.get("ESMITH_ROOT") else ""


LOOKS: tuple[Look, ...] = (
    accounts,
    groups,
    mail,
    passwords,
    settings,
    report,
    machine,
    fragments,
    receivers,
    keys,
    again,
)
