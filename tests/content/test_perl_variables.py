"""What the shipped templates offer to Perl fragments of packages: the names that the original's fragments set."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

pytestmark = pytest.mark.program("Text::Template")

HTTPD = "/etc/httpd/conf/httpd.conf"
GOOD = "/var/service/qpsmtpd/config/goodrcptto"
QPSMTPD = "/var/service/qpsmtpd/config/badrcptto"
QMAIL = "/var/qmail/control/badrcptto"
USER = "/home/e-smith/files/users/{key}/.qmail"
TOM = "/home/e-smith/files/users/tom/.qmail"
MASQ = "/etc/rc.d/init.d/masq"
DOVECOT = "/etc/dovecot/dovecot.conf"


def _package(root: Root, path: str, text: str) -> None:
    """Put a fragment into the layer that packages use."""
    root.write(f"/etc/e-smith/templates{path}", text)


def test_domains_of_goodrcptto(office: Root) -> None:
    """A fragment of goodrcptto that goes through @domains lists its addresses in each domain that mail comes for."""
    _package(office, f"{GOOD}/70more", '{ $OUT .= "more\\@$_\\n" for @domains; }')
    before = office.lines(GOOD)
    office.expand(GOOD)
    domains = [line.rpartition("@")[2] for line in before if line.startswith("postmaster@") and "[" not in line]
    assert len(domains) >= 2
    assert sorted(set(office.lines(GOOD)) - set(before)) == sorted(f"more@{domain}" for domain in domains)


@pytest.mark.parametrize("path", [QPSMTPD, QMAIL])
def test_databases_of_badrcptto(office: Root, path: str) -> None:
    """A fragment of badrcptto finds accounts and domains as hashes of hashes."""
    text = '{ $OUT .= "$_=$Domains{$_}{type}\\n" for sort keys %Domains; $OUT .= $Accounts{tom}{type} }\n'
    office.custom(f"{path}/90mine", text)
    shown = office.expand("--diff", path).out
    assert "\n+user\n" in shown
    assert "\n+example.com=domain\n" in shown


def test_access_of_httpd(office: Root) -> None:
    """A fragment of httpd.conf finds who is local and who may manage the server from outside."""
    office.config("set", "httpd-admin", "service", "ValidFrom", "192.0.2.0/255.255.255.0,192.0.2.9/255.255.255.255")
    text = '# local: { "$localAccess" }\n# outside: { "$externalSSLAccess" }\n# ssl: { "$haveSSL $plainTextAccess" }\n'
    _package(office, f"{HTTPD}/86mine", text)
    shown = office.expand("--diff", HTTPD).out
    assert "\n+# local: 127.0.0.1 10.0.0.0/255.255.0.0 192.168.1.0/255.255.255.0\n" in shown
    assert "\n+# outside: 192.0.2.0/255.255.255.0 192.0.2.9\n" in shown
    assert "\n+# ssl: yes no\n" in shown or "\n+# ssl: no no\n" in shown


def test_access_without_settings(office: Root) -> None:
    """Without a list of those who may manage the server, that name is empty and no error."""
    _package(office, f"{HTTPD}/86mine", '# outside: <{ "$externalSSLAccess" }>\n')
    assert "\n+# outside: <>\n" in office.expand("--diff", HTTPD).out


@pytest.mark.program("apache2")
def test_load_modules_of_httpd(office: Root) -> None:
    """load_modules loads what is installed and not loaded yet, in words that Apache takes."""
    office.custom(f"{HTTPD}/21mine", "{\n    load_modules(qw(\n    headers\n    alias\n    no_such\n    ));\n}\n")
    office.expand(HTTPD)
    lines = [line.strip() for line in office.lines(HTTPD)]
    assert 'LoadModule headers_module "${MODULES}/mod_headers.so"' in lines
    place = lines.index('LoadModule no_such_module "${MODULES}/mod_no_such.so"')
    assert lines[place - 2 : place] == ["<IfModule !no_such_module>", '<IfFile "${MODULES}/mod_no_such.so">']


@pytest.mark.parametrize("site", ["VirtualHosts", "ProxyPassVirtualHosts"])
def test_variables_of_a_web_site(office: Root, site: str) -> None:
    """A fragment of a web site finds the domain, by its name, its content and as a record, and who is local."""
    office.db("domains", "setprop", "test.com", "TemplatePath", site, "ProxyPassTarget", "http://192.0.2.7/")
    text = '    # { "$virtualHost $virtualHostContent $ipAddress:$port " . $domain->prop("type") . " $localAccess" }\n'
    office.custom(f"{HTTPD}/{site}/50mine", text)
    shown = office.expand("--diff", HTTPD).out
    local = "127.0.0.1 10.0.0.0/255.255.0.0 192.168.1.0/255.255.255.0"
    assert f"\n+    # test.com Primary 0.0.0.0:80 domain {local}\n" in shown


def test_the_account_of_a_qmail_file(office: Root) -> None:
    """A fragment of a user's .qmail file finds the account's properties, its record and its name."""
    office.db("accounts", "setprop", "tom", "MailFilter", "bypass")
    text = '{ "# $USERNAME $props{MailFilter} $props{EmailForward} " . $user->key . " " . $adb->get("tom")->key }\n'
    office.custom(f"{USER}/50Filter", text)
    assert "\n+# tom bypass local tom tom\n" in office.expand("--diff", TOM).out


def test_networks_of_masq(office: Root) -> None:
    """A fragment of the packet filter finds the local networks, that of the server first."""
    office.db("networks", "setprop", "192.168.1.0", "SystemLocalNetwork", "yes")
    office.custom(f"{MASQ}/45mine", "# { join ' ', @locals }\n")
    assert "\n+# 192.168.1.0/255.255.255.0 10.0.0.0/255.255.0.0\n" in office.expand("--diff", MASQ).out


@pytest.mark.parametrize("name", ["$proto", "@plugins", "@imap_plugins", "@conf"])
def test_what_dovecot_does_not_offer(office: Root, name: str) -> None:
    """What a fragment adds to the original's lists for dovecot.conf would be lost: it is an error with the name."""
    code = f"{name} .= ' sieve'" if name.startswith("$") else f"push {name}, 'acl'"
    _package(office, f"{DOVECOT}/10protocols11sieve", f"{{\n    {code};\n    '';\n}}\n")
    before = Path(office.file(DOVECOT)).read_bytes()
    answer = office.expand(DOVECOT, code=ExitCode.TEMPLATE)
    assert f"10protocols11sieve:2: {name} is set by fragments of the original and by none here" in answer.err
    assert Path(office.file(DOVECOT)).read_bytes() == before
