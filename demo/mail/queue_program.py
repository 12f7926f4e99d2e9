#!/usr/bin/python3 -IS
"""Stands in for qmail in the folder of ``make demo-mail``, where a plain user can have neither qmail nor Postfix.

Three programs in ``var/qmail/bin`` of the folder are copies of this file; each is known by its name. ``qmail-queue``
takes a mail from qpsmtpd, ``sendmail`` one from a .qmail file. Both deliver it before they end, by control/locals,
control/virtualdomains and users/assign, as qmail-send(8) and qmail-lspawn(8) do. ``dot-qmail`` delivers to one account:
it is the program that Postfix runs (plugins/postfix/delivery.py), so .qmail files mean what they mean on a machine.
Paths in them, such as ``/usr/share/e-smith``, are taken below the folder.

There is no queue: what cannot be delivered now is not taken, and the client tries again. Nothing leaves the folder:
mail for elsewhere is kept in ``var/spool/not-sent``. Exit codes as of the programs it stands in for.
"""

import importlib.util
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
_BIN = os.path.dirname(os.path.abspath(__file__))
ROOT = _BIN.removesuffix("/var/qmail/bin")
_DELIVERY = ROOT + "/usr/share/e-smith/postfix/plugins/delivery.py"
_NOT_SENT = ROOT + "/var/spool/not-sent"
#: What a path of a machine begins with that is in the folder: no part of a longer path stands before it.
_OURS = re.compile(rb"(?<![\w./-])/(?=usr/share/e-smith/|var/qmail/)")
#: Exit codes of sysexits.h and of qmail-queue(8): the mail is not taken, for good and for now.
REFUSED, LATER = 69, 75
QMAIL_REFUSED, QMAIL_LATER = 31, 71
_TRACE = b"delivered-to:"


class NotDeliveredError(Exception):
    """A mail is not delivered.

    :param code: :data:`REFUSED` or :data:`LATER`.
    """

    def __init__(self, reason: str, code: int = LATER) -> None:
        super().__init__(reason)
        self.code = code


def lines_of(name: str) -> list[str]:
    """Return the lines of a file of qmail, without comments."""
    with open(f"{ROOT}/var/qmail/{name}", encoding="utf-8", errors="surrogateescape") as file:
        return [line for line in file.read().splitlines() if line and not line.startswith("#")]


def local_part(address: str) -> tuple[str, str] | None:
    """Return whom qmail delivers an address to here, and its domain; None for an address elsewhere."""
    name, at, domain = address.rpartition("@")
    if not at:
        name, domain = address, "localhost"
    if domain.lower() in map(str.lower, lines_of("control/locals")):
        return name, domain
    virtual = dict(line.lower().split(":", 1) for line in lines_of("control/virtualdomains"))
    for key in (f"{name}@{domain}".lower(), domain.lower()):
        if key in virtual:
            return f"{virtual[key]}-{name}", domain
    return None


def account_of(local: str) -> tuple[str, str, str]:
    """Return user, home and extension of a name, by qmail-users(5).

    :raises NotDeliveredError: when nobody has it.
    """
    found: tuple[int, list[str]] = (-1, [])
    for line in lines_of("users/assign"):
        key, *fields = line[1:].split(":")
        if line.startswith("=") and key == local.lower():
            return fields[0], fields[3], fields[5]
        if line.startswith("+") and local.lower().startswith(key) and len(key) > found[0]:
            found = len(key), fields
    length, fields = found
    if not fields:
        raise NotDeliveredError(f"nobody has the name {local}", REFUSED)
    return fields[0], fields[3], fields[5] + local[length:]


def deliver(sender: str, recipients: list[str], mail: bytes) -> None:
    """Deliver a mail to each of its recipients.

    :raises NotDeliveredError: for the first that is not possible for; those before it have the mail.
    """
    for recipient in recipients:
        place = local_part(recipient)
        if place is None:
            keep(sender, recipient, mail)
        else:
            _to_account(sender, recipient, *place, mail)


def _to_account(sender: str, recipient: str, local: str, domain: str, mail: bytes) -> None:
    """Run dot-qmail as local(8) of Postfix does."""
    user, home, extension = account_of(local)
    trace = f"{local}@{domain}"
    header = mail.partition(b"\n\n")[0].lower().splitlines()
    if any(line.startswith(_TRACE) and line[len(_TRACE) :].strip() == trace.lower().encode() for line in header):
        raise NotDeliveredError(f"the mail came to {trace} before: it goes round in circles", REFUSED)
    date = time.strftime("%a %b %e %H:%M:%S %Y")
    added = f"From {sender or 'MAILER-DAEMON'}  {date}\nReturn-Path: <{sender}>\n"
    added += f"X-Original-To: {recipient}\nDelivered-To: {trace}\n"
    environment = {
        "PATH": f"{_BIN}:/usr/local/bin:/usr/bin:/bin",
        "HOME": ROOT + home,
        "USER": user,
        "LOGNAME": user,
        "EXTENSION": extension,
        "LOCAL": local,
        "DOMAIN": domain,
        "RECIPIENT": trace,
        "ORIGINAL_RECIPIENT": recipient,
        "SENDER": sender,
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [f"{_BIN}/dot-qmail"],
        input=added.encode("utf-8", "surrogateescape") + mail,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd="/",
        check=False,
    )
    if done.returncode != 0:
        raise NotDeliveredError(
            f"{trace}: {done.stdout.decode(errors='replace').strip()}", REFUSED if done.returncode == REFUSED else LATER
        )


def keep(sender: str, recipient: str, mail: bytes) -> None:
    """Keep a mail that would leave the machine."""
    os.makedirs(_NOT_SENT, exist_ok=True)
    name = f"{_NOT_SENT}/{time.time_ns()}.{os.getpid()}"
    with open(f"{name}.new", "xb") as file:
        file.write(f"Return-Path: <{sender}>\nX-Original-To: {recipient}\n".encode("utf-8", "surrogateescape") + mail)
    os.rename(f"{name}.new", name)


def read(descriptor: int) -> bytes:
    """Return all that a descriptor gives."""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def queue() -> None:
    """Do as qmail-queue(8): the mail is on descriptor 0, the envelope on 1."""
    mail = read(os.dup(0))
    sender, *recipients = read(os.dup(1)).decode("utf-8", "surrogateescape").split("\0")
    if recipients[-2:] != ["", ""]:
        raise NotDeliveredError("the envelope is not complete")
    deliver(sender[1:], [recipient[1:] for recipient in recipients[:-2]], mail)


def sendmail(words: list[str]) -> None:
    """Do as sendmail(1) is called by plugins/qmail/forward: ``-G -i -f SENDER -- RECIPIENT...``."""
    sender = words[words.index("-f") + 1]
    deliver(sender, words[words.index("--") + 1 :], read(os.dup(0)))


def dot_qmail() -> int:
    """Deliver as dot-qmail of Postfix does, with the paths of .qmail files below the folder."""
    spec = importlib.util.spec_from_file_location("delivery", _DELIVERY)
    assert spec is not None and spec.loader is not None
    delivery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(delivery)

    class Account(delivery.Account):  # type: ignore[misc, name-defined]
        def instructions(self) -> tuple[bytes, int, bytes | None]:
            text, mode, default = super().instructions()
            return _OURS.sub(os.fsencode(ROOT) + b"/", text), mode, default

    delivery.PROGRAMS = ROOT + delivery.PROGRAMS  # type: ignore[attr-defined]
    delivery.Account = Account  # type: ignore[attr-defined]
    code: int = delivery.main()
    return code


def main() -> int:
    """Do what the name of this copy says, and return the exit code."""
    name = os.path.basename(__file__)
    if name == "dot-qmail":
        return dot_qmail()
    codes = {REFUSED: QMAIL_REFUSED, LATER: QMAIL_LATER} if name == "qmail-queue" else {REFUSED: REFUSED, LATER: LATER}
    os.umask(0o077)
    try:
        if name == "qmail-queue":
            queue()
        else:
            sendmail(sys.argv[1:])
    except NotDeliveredError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return codes[error.code]
    except Exception as error:  # noqa: BLE001 - whatever it is, the mail is not taken
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return codes[LATER]
    return 0


if __name__ == "__main__":
    sys.exit(main())
