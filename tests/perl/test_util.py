"""esmith::util, esmith::util::network and esmith::Logger."""

from __future__ import annotations

import time

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

ADDRESSES = [
    ("IPquadToAddr('192.168.8.4')", "<3232237572>"),
    ("IPquadToAddr('x'), esmith::util::IPquadToAddr(undef)", "<0> <0>"),
    ("IPaddrToQuad(3232237572)", "<192.168.8.4>"),
    ("IPaddrToBackwardQuad(3232237572)", "<4.8.168.192.in-addr.arpa.>"),
    ("computeNetworkAndBroadcast('192.168.9.4', '255.255.254.0')", "<192.168.8.0> <192.168.9.255>"),
    ("computeHostRange('192.168.9.4', '255.255.254.0')", "<512> <192.168.8.0> <192.168.9.255>"),
    ("computeNetmaskFromBits(24), esmith::util::computeNetmaskFromBits(0)", "<255.255.255.0> <0.0.0.0>"),
    ("computeLocalNetworkPrefix('192.168.8.4', '255.255.255.0')", "<192.168.8.>"),
    ("computeLocalNetworkSpec('192.168.9.4', '255.255.254.0')", "<192.168.8.0/255.255.254.0>"),
    ("computeLocalNetworkShortSpec('192.168.8.4', '255.255.255.0')", "<192.168.8.0/24>"),
    ("computeLocalNetworkReversed('192.168.8.4', '255.255.252.0')", "<168.192.in-addr.arpa.>"),
    ("computeAllLocalNetworkPrefixes('192.168.8.4', '255.255.254.0')", "<192.168.8> <192.168.9>"),
    ("computeAllLocalNetworkPrefixes('192.168.8.4', '255.255.255.255')", "<192.168.8.4>"),
    ("computeAllLocalNetworkPrefixes('192.168.0.4', '255.255.255.0')", "<192.168.0>"),
    ("computeAllLocalNetworkPrefixes('10.0.7.4', '255.255.0.0')", "<10.0>"),
    ("computeAllLocalNetworkPrefixes('10.1.7.4', '255.0.0.0')", "<10>"),
    ("computeAllLocalNetworkPrefixes('10.1.7.4', '255.255.255.252')", "<10.1.7.4> <10.1.7.5> <10.1.7.6> <10.1.7.7>"),
    ("ldapBase('mail.example.com')", "<dc=mail,dc=example,dc=com>"),
    ("network::isValidIP('001.2.3.255') ? 1 : 0, esmith::util::network::isValidIP('1.2.3.256') ? 1 : 0", "<1> <0>"),
    ("network::cleanIP('001.20.0.000'), esmith::util::network::cleanIP('1.2.3')", "<1.20.0.0> <>"),
    (
        "network::isValidPort(25), map { esmith::util::network::isValidPort($_) } 0, -1, 65536, 'x'",
        "<1> <0> <0> <0> <0>",
    ),
    ("network::cmpIP('24.1.1.1', '240.1.1.1'), esmith::util::network::cmpIP('9.9.9.9', '9.9.9.9')", "<-1> <0>"),
    ("network::isValidHostname('a.b'), esmith::util::network::isValidHostname('-a.b')", "<1> <0>"),
]


def test_addresses(script: Script) -> None:
    """The functions on addresses give what the original's documentation says, the networks on octet boundaries."""
    code = "use esmith::util; use esmith::util::network;\n"
    code += "".join(f"show(esmith::util::{call});\n" for call, _ in ADDRESSES)
    assert script.shown(code) == [shown for _, shown in ADDRESSES]


def test_mail_addresses(script: Script) -> None:
    """isValidEmail takes an address with a domain; without one, users and admin, unless that is not permitted."""
    script.root.db("accounts", "set", "bart", "user")
    addresses = "map { esmith::util::network::isValidEmail($_) } 'a@b.com', 'a b@c.d', '@b', 'bart', 'moe', 'admin'"
    local = "esmith::util::network::isValidEmail('bart', { permitlocal => 0 })"
    assert script.shown(f"use esmith::util::network qw(:all isValidEmail); show({addresses}, {local});") == [
        "<1> <0> <0> <1> <0> <1> <0>"
    ]


def test_a_secret_is_made_once(script: Script) -> None:
    """set_secret gives a record a random password, making the record; one that has one keeps it."""
    script.run(
        """
        use esmith::util; use esmith::ConfigDB; my $db = esmith::ConfigDB->open;
        esmith::util::set_secret($db, 'roundcube', 'DbPassword'); esmith::util::set_secret($db, 'qpsmtpd', 'Key');
        """
    )
    first = script.root.config("getprop", "roundcube", "DbPassword").out
    assert len(first) == 49
    assert script.root.config("gettype", "roundcube").out == "service\n"
    assert script.root.config("getprop", "qpsmtpd", "Key").out not in ("\n", first)
    script.run("use esmith::util; esmith::util::set_secret(esmith::ConfigDB->open, 'roundcube', 'DbPassword');")
    assert script.root.config("getprop", "roundcube", "DbPassword").out == first


def test_files_and_releases(script: Script) -> None:
    """chownFile keeps what is undef, and warns of a missing file; determineRelease reads sysconfig."""
    script.root.config("set", "sysconfig", "configuration", "ReleaseVersion", "9.2")
    path = script.root.write("/owned", "x")
    answer = script.run(
        f"use esmith::util; show(esmith::util::chownFile(undef, undef, '{path}'), esmith::util::determineRelease());"
        "esmith::util::chownFile(undef, undef, '/no/such/file'); esmith::util::setRealToEffective();"
    )
    assert answer.out == "<1> <9.2>\n"
    assert "can't chownFile /no/such/file" in answer.err


def test_a_command_in_the_background(script: Script) -> None:
    """backgroundCommand returns at once, leaves nothing to wait for, and the command runs."""
    code = """
        use esmith::util; use esmith::ConfigDB; esmith::ConfigDB->open;
        esmith::util::backgroundCommand(0, 'mkdir', "$ENV{ESMITH_ROOT}/made");
        1 while wait != -1; END { open my $f, '>>', "$ENV{ESMITH_ROOT}/ended"; print $f 'once' }
    """
    script.run(code)
    deadline = time.monotonic() + 60
    while not script.root.file("/made").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert script.root.read("/ended") == "once"


def test_services_are_controlled_by_their_supervisor(script: Script) -> None:
    """serviceControl returns 0 with a warning where no supervisor knows the service, and dies without a name."""
    answer = script.run("use esmith::util; show(esmith::util::serviceControl(NAME => 'nosuch', ACTION => 'restart'));")
    assert answer.out == "<0>\n"
    assert "serviceControl: service nosuch: no supervisor knows it" in answer.err
    assert (
        "NAME must be specified at" in script.run("use esmith::util; esmith::util::serviceControl();", status=None).err
    )


def test_the_logger_writes_lines(script: Script) -> None:
    """What is printed to a tied handle is in the log of the root, each with title and process."""
    script.run(
        "use esmith::Logger; tie *LOG, 'esmith::Logger', 'box';"
        "print LOG 'one ', \"two\\n\"; printf LOG '%d', 3; close LOG;"
    )
    lines = script.root.lines("/var/log/e-smith/events.log")
    assert [line.partition("]: ")[2] for line in lines if " box[" in line] == ["one two", "3"]


def test_the_logger_writes_one_line_for_each_text(script: Script) -> None:
    """What is not printable in a text is logged by its code, so that it cannot begin an entry; UTF-8 stays."""
    script.run(
        "use esmith::Logger; tie *LOG, 'esmith::Logger', 'box';"
        "print LOG qq{a\\nforged\\x1b[2J\\x7f}; print LOG qq{\\xc3\\xa9 \\xc2\\x9b \\xe2\\x80\\xae};"
        "print LOG qq{\\x{e9} \\x{202e}};"
        "print LOG qq{\\x9b};"
    )
    lines = script.root.lines("/var/log/e-smith/events.log")
    logged = [line.partition("]: ")[2] for line in lines if " box[" in line]
    assert logged == [r"a\x0aforged\x1b[2J\x7f", r"é \x9b \x{202e}", r"é \x{202e}", r"\x9b"]
    assert not [line for line in lines if "forged" in line and " box[" not in line]


def test_messages_hold_nothing_raw(script: Script) -> None:
    """A name that a script got from others is shown by its codes in the message it dies with."""
    answer = script.run(
        "use esmith::ConfigDB; esmith::ConfigDB->open->new_record(qq{a\\x1b[2J\\nb}, { type => 'x' });", status=None
    )
    assert "\\x1b[2J" in answer.err
    assert all(char.isprintable() or char == "\n" for char in answer.err)
    assert [line for line in answer.err.split("\n") if line.startswith("b")] == []


@pytest.mark.root("only root may give files away")
def test_an_unknown_owner_is_an_error(script: Script) -> None:
    """chownFile with a user that does not exist dies and leaves the file as it is."""
    path = script.root.write("/owned", "x")
    answer = script.run(f"use esmith::util; esmith::util::chownFile('no-such-user', undef, '{path}');", status=None)
    assert "there is no user no-such-user" in answer.err
