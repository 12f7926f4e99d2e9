"""The DNS of the domains, asked of a name server of the tests."""

from __future__ import annotations

import pytest

from esmith.doctor import resolver
from esmith.doctor.finding import OK
from tests.cli.test_qpsmtpd_print_dns import PAGE_KEY, write_key
from tests.commands import Root
from tests.doctor.kit import Zone, bad, examined, make_case, name_server, shown

#: All as it should be, of the two domains of the office; the second names a server of a provider.
GOOD: Zone = {
    ("example.com", "MX"): ["10 mail.example.com."],
    ("example.com", "TXT"): ['"v=spf1 mx a -all"', '"another text"'],
    ("_dmarc.example.com", "TXT"): ['"v=DMARC1; p=none"'],
    ("mail.example.com", "A"): ["203.0.113.5"],
    ("default._domainkey.example.com", "TXT"): [f'"v=DKIM1; p={PAGE_KEY[:200]}" "{PAGE_KEY[200:]}"'],
    ("test.com", "MX"): ["10 mail.example.com.", "20 backup.example.net."],
    ("test.com", "TXT"): ['"v=spf1 " "include:example.com ~all"'],
    ("_dmarc.test.com", "TXT"): ['"v=DMARC1;p=reject"'],
    ("default._domainkey.test.com", "TXT"): [f'"v=DKIM1; k=rsa; p={PAGE_KEY[:200]}" "{PAGE_KEY[200:]}"'],
    ("backup.example.net", "AAAA"): ["2001:db8::1"],
    ("5.113.0.203.in-addr.arpa", "PTR"): ["mail.example.com."],
}


@pytest.fixture
def signing(office: Root) -> Root:
    """The office, which signs its mail with the key of the page."""
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    write_key(office)
    return office


def _found(root: Root, changed: Zone, *, silent: tuple[str, ...] = ()) -> list[str]:
    """Return what is not well where the good zone is changed so; an entry without answers is taken out."""
    zone = {key: texts for key, texts in (GOOD | changed).items() if texts}
    with name_server(zone, silent=silent) as address:
        return shown(bad(make_case(root, resolver=address), "dns"))


def test_all_is_well(signing: Root) -> None:
    """Where each entry is as it should be all are well, also with a second server and a text of several strings."""
    with name_server(dict(GOOD)) as address:
        found = examined(make_case(signing, resolver=address), "dns")
    assert [finding.severity for _, finding in found.findings()] == [OK] * 9


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({("test.com", "MX"): []}, "failing: test.com has neither an MX nor an address"),
        ({("test.com", "MX"): [], ("test.com", "A"): ["192.0.2.1"]}, "warning: test.com has no MX"),
        ({("test.com", "MX"): ["0 ."]}, "failing: test.com publishes that it takes no mail (MX 0 .)"),
        (
            {("test.com", "MX"): ["10 gone.example.net."]},
            "failing: the MX of test.com names gone.example.net, which has no address",
        ),
        (
            {("backup.example.net", "AAAA"): []},
            "warning: the MX of test.com names backup.example.net, which has no address",
        ),
        ({("test.com", "TXT"): []}, "warning: test.com has no SPF"),
        ({("test.com", "TXT"): ['"v=spf1 mx"', '"v=spf1 a"']}, "failing: test.com has 2 SPF entries"),
        ({("test.com", "TXT"): ['"v=spf1 mx +all"']}, "warning: the SPF of test.com allows everybody (+all)"),
        ({("_dmarc.test.com", "TXT"): []}, "warning: test.com has no DMARC"),
        (
            {("_dmarc.test.com", "TXT"): ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']},
            "warning: test.com has 2 DMARC entries",
        ),
        (
            {("default._domainkey.test.com", "TXT"): []},
            "failing: the DKIM key of test.com is not published (default._domainkey.test.com)",
        ),
        (
            {("default._domainkey.test.com", "TXT"): ['"v=DKIM1; p="']},
            "failing: the DKIM key of test.com is published as withdrawn (default._domainkey.test.com)",
        ),
        (
            {("default._domainkey.test.com", "TXT"): ['"v=DKIM1; p=MIIB"']},
            "failing: another DKIM key than ours is published for test.com (default._domainkey.test.com)",
        ),
        ({("5.113.0.203.in-addr.arpa", "PTR"): []}, "failing: our address 203.0.113.5 has no name (PTR)"),
        (
            {("5.113.0.203.in-addr.arpa", "PTR"): ["dsl-5.example.org."]},
            "warning: the name of 203.0.113.5 (dsl-5.example.org) does not lead to it again",
        ),
    ],
)
def test_what_is_wrong(signing: Root, changed: Zone, expected: str) -> None:
    """Each entry that is missing or wrong is one finding."""
    assert _found(signing, changed) == [expected]


def test_mail_that_is_not_signed(office: Root) -> None:
    """Domains whose mail is not signed are skipped together, with the reason."""
    assert _found(office, {}) == ["skipped: DKIM of example.com, test.com"]


def test_a_question_without_an_answer(signing: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question that is not answered is skipped; all others are looked at."""
    monkeypatch.setattr(resolver, "_SERVER_SECONDS", 0.2)
    monkeypatch.setattr(resolver, "_QUESTION_SECONDS", 0.2)
    assert _found(signing, {}, silent=("_dmarc.test.com",)) == ["skipped: the TXT of _dmarc.test.com"]


def test_no_server_answers(signing: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no name server answers the domains and the address are skipped as offline, after one question each."""
    monkeypatch.setattr(resolver, "_SERVER_SECONDS", 0.2)
    monkeypatch.setattr(resolver, "_QUESTION_SECONDS", 0.2)
    with name_server({}, silent=("",)) as address:
        found = bad(make_case(signing, resolver=address), "dns")
    assert shown(found) == ["skipped: the DNS of 2 domains", "skipped: the name of our address"]
    assert all(finding.why.startswith("offline: no name server answers (127.0.0.1") for finding in found)


def test_a_server_that_stops_to_answer(signing: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """When some questions in turn get no answer the others are not waited for."""
    monkeypatch.setattr(resolver, "_SERVER_SECONDS", 0.2)
    monkeypatch.setattr(resolver, "_QUESTION_SECONDS", 0.2)
    silent = tuple({name for name, _ in GOOD})
    monkeypatch.setattr(resolver, "_AT_ONCE", 2)
    assert "skipped: the DNS of 2 domains" in _found(signing, {}, silent=silent)


def test_the_provider_sends(signing: Root) -> None:
    """The name of the address does not matter where the provider's server sends the mail."""
    signing.config("set", "SMTPSmartHost", "smtp.example.net")
    assert _found(signing, {("5.113.0.203.in-addr.arpa", "PTR"): []}) == ["skipped: the name of our address"]


def test_a_folder_asks_nobody(signing: Root) -> None:
    """Under a root folder no server is asked that is not named."""
    found = bad(make_case(signing), "dns")
    assert [finding.severity for finding in found] == ["skipped", "skipped"]
    assert "--resolver ADDRESS" in found[0].why


def test_names_that_no_server_has(signing: Root) -> None:
    """A domain of documents or of the local network is not asked about at the machine; the cure is named."""
    signing.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    for name in ("test.com",):
        signing.db("domains", "delete", name)
    found = bad(make_case(signing, machine=True), "dns")
    assert shown(found) == ["skipped: the DNS of example.com", "skipped: the name of our address"]
    assert found[0].cure == ("config set DomainName YOUR.DOMAIN",)


def test_without_the_library(signing: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dnspython is missing the area is skipped with what installs it: by a program that is there."""
    import shutil
    import sys

    monkeypatch.setitem(sys.modules, "dns.resolver", None)
    found = bad(make_case(signing, resolver="127.0.0.1"), "dns")
    assert [finding.why for finding in found] == ["the Python package dnspython is missing"] * 2
    command = found[0].cure[0].removeprefix("install it: ").split()
    assert command[-1] == "dnspython" and shutil.which(command[0])


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", "127.0.0.1:53:53"])
def test_an_address_that_is_none(office: Root, address: str) -> None:
    """What is no address of a server is a mistake that is named."""
    found = bad(make_case(office, resolver=address), "dns")
    assert found[0].why == f"{address!r} is not the address of a name server"


def test_a_domain_below_another(signing: Root) -> None:
    """Where a domain has no DMARC that of the one it is part of counts; the MX to publish names this server."""
    signing.db("domains", "set", "shop.test.com", "domain", "DKIMSigning", "disabled")
    zone = GOOD | {("shop.test.com", "TXT"): ['"v=spf1 mx"']}
    with name_server(zone) as address:
        found = bad(make_case(signing, resolver=address), "dns")
    assert shown(found) == [
        "failing: shop.test.com has neither an MX nor an address",
        "skipped: DKIM of shop.test.com",
    ]
    assert found[0].cure == ("# publish in the DNS: shop.test.com. IN MX 10 mail.example.com.",)
