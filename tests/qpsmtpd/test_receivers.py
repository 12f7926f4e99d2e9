"""The real qpsmtpd takes the recipients that the reader of its rules says, and no others (tests/receivers)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from tests.programs import path_of
from tests.qpsmtpd import test_office
from tests.qpsmtpd.daemon import needs_qpsmtpd
from tests.qpsmtpd.inner import InnerServer
from tests.qpsmtpd.test_office import LOCAL, OUTSIDE, Office
from tests.receivers.agreement import FOREIGN
from tests.receivers.files import installed
from tests.receivers.qpsmtpd import LATER, TAKEN, Qpsmtpd

pytestmark = needs_qpsmtpd

# The running office of test_office.py.
_adapted = test_office._adapted
system = test_office.system

PEOPLE = """
db accounts set mary user Uid 6001
db accounts set mary-ann user Uid 6002
db accounts set x+y user Uid 6003 Visible internal
db accounts set ghost user
db accounts set My.Team group Members mary
db accounts set empty group Members ghost
db accounts set staff group Members tom Visible internal
db accounts set staff-news pseudonym Account staff
db accounts set dangling pseudonym Account nobody-of-that-name
db accounts set sales@test.com pseudonym Account mary
db accounts set a:b group Members tom
"""
OFFICES = {
    "people": PEOPLE,
    "unknown names have a receiver": f"{PEOPLE}config set EmailUnknownUser jack",
    "a domain has one receiver": f"{PEOPLE}db domains setprop test.com EmailTo jack",
    "another server for all": f"{PEOPLE}config set DelegateMailServer 127.0.0.1:PORT",
    "another server for one": f"{PEOPLE}db domains setprop test.com MailServer 127.0.0.1:PORT",
    "nobody from outside": "db accounts setprop tom Visible internal\ndb accounts set tom-x user Uid 6004",
}
NAMES = ["tom", "Tom", "tom-x", "tom-x-y", "mary-ann-a-b", "mary-", "-mary", "nobody", "x+y", "X+y-z", "xx+y", "ghost"]
NAMES += ["my.team", "MY.TEAM-x", "myxteam", "empty", "staff", "staff-x", "staff-news", "staff-news-x", "dangling"]
NAMES += ["sales", "sales-x", "a:b", "everyone", "everyone-x", "shared", "alias-shared", "root", "postmaster", "abuse"]
NAMES += ["100%", "a!b", "o'neill", '"tom"', '"st\\aff"', '"alias-shared"', "@relay.test,@two.test:staff", '"tom\x07"']
HOSTS = ["example.com", "Test.com", "[203.0.113.5]", "mail.example.com", FOREIGN]
ADDRESSES = [f"{name}@{host}" for name in NAMES for host in HOSTS] + ["postmaster"]


class _Everybody(dict[str, str]):
    """Answers of an inner server that knows every recipient."""

    def get(self, _recipient: str, _default: object = None) -> str:
        """Return that the recipient is known."""
        return "250 ok"


@pytest.fixture
def inner() -> Iterator[InnerServer]:
    """Return a server behind ours that takes everything."""
    server = InnerServer(_Everybody())
    yield server
    server.close()


def _answers(office: Office, source: str) -> dict[str, int]:
    with office.daemon.client(source) as smtp:
        smtp.connect("127.0.0.1", office.daemon.port)
        smtp.ehlo()
        assert smtp.mail("someone@sender.org")[0] == TAKEN
        return {address: smtp.docmd("RCPT", f"TO:<{address}>")[0] for address in ADDRESSES}


@pytest.mark.parametrize("commands", OFFICES.values(), ids=OFFICES)
def test_the_reader_and_qpsmtpd_agree(system: Office, inner: InnerServer, commands: str) -> None:
    """For each address the answer is the one that the files of the office mean, from outside and from inside."""
    path_of("qpsmtpd-forkserver")
    for line in commands.strip().replace("PORT", str(inner.port)).splitlines():
        system.root.run(*shlex.split(line))
    system.root.signal("email-update")
    files = installed(system.root.path)
    for source, reader in ((OUTSIDE, Qpsmtpd(files)), (LOCAL, Qpsmtpd(files, "local"))):
        for address, code in _answers(system, source).items():
            expected = reader.answer(address)
            assert code // 100 == expected // 100, f"{address} from {source}: {code}, not {expected}"
            assert code != LATER, address
