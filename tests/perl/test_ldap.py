"""esmith::util::ldap against a real LDAP server: what each method writes, and what the server answers."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.perl.kit import Script
from tests.programs import path_of

pytestmark = pytest.mark.program("slapd", "Net::LDAP")

DEADLINE_SECONDS = 60.0
BASE = "dc=example,dc=com"
PASSWORD = "written-by-the-test"
CONF = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/misc.schema
{extra}
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw {password}
directory {folder}/data
"""
#: SME Server's own schema has the class by which the entry of a group has an address.
MAILBOX = """\
objectclass ( 1.3.6.1.4.1.4203.666.11.999.1 NAME 'mailboxRelatedObject' SUP top AUXILIARY MAY mail )
"""
TREE = """\
dn: {base}
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: ou=Users,{base}
objectClass: organizationalUnit
ou: Users

dn: ou=Groups,{base}
objectClass: organizationalUnit
ou: Groups

dn: ou=Computers,{base}
objectClass: organizationalUnit
ou: Computers

"""


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Yield the port of a server of the test's own, with the tree that SME Server has and nothing in it."""
    folder = tmp_path_factory.mktemp("ldap")
    (folder / "data").mkdir()
    conf = folder / "slapd.conf"
    conf.write_text(CONF.format(folder=folder, base=BASE, password=PASSWORD, extra=MAILBOX))
    conf.chmod(0o600)
    (folder / "tree.ldif").write_text(TREE.format(base=BASE))
    slapd = path_of("slapd")
    subprocess.run([slapd, "-T", "add", "-f", str(conf), "-l", str(folder / "tree.ldif")], check=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
    server = subprocess.Popen([slapd, "-h", f"ldap://127.0.0.1:{number}/", "-f", str(conf), "-d", "0"])
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not _answers(number):
            assert server.poll() is None, "slapd ended"
            assert time.monotonic() < deadline, "slapd does not answer"
            time.sleep(0.02)
        yield number
    finally:
        server.terminate()
        server.wait(DEADLINE_SECONDS)


@pytest.fixture
def directory(script: Script, port: int) -> Iterator[Script]:
    """Yield a root whose scripts find the server where they look for it, with its password and a few accounts."""
    script.root.write("/etc/openldap/ldap.pw", f"{PASSWORD}\n", mode=0o600)
    accounts = script.root
    accounts.db(
        "accounts", "set", "bart", "user", "FirstName", "Bart", "LastName", "Müller", "Uid", "5001", "Phone", "1"
    )
    accounts.db("accounts", "set", "team", "group", "Description", "The team", "Gid", "5002", "Uid", "5002")
    accounts.db("accounts", "set", "shop", "ibay", "Name", "The shop", "Gid", "5003", "Uid", "5003")
    accounts.db("accounts", "set", "pc$", "machine", "Uid", "5004")
    accounts.db("accounts", "set", "new", "user", "FirstName", "No", "LastName", "Number")
    yield script
    clean = (
        "$l->delete($_->dn) for $l->search(base => $l->base, filter => '(|(objectClass=posixAccount)(cn=*))')->entries"
    )
    script.run(_code(port, clean))


def _code(port: int, code: str) -> str:
    """Return a script that asks the server of the test in the place of the one at the usual port."""
    return f"""
        use Net::LDAP; use esmith::AccountsDB;
        BEGIN {{ my $new = \\&Net::LDAP::new; no warnings 'redefine';
            *Net::LDAP::new = sub {{ my ($class, $host) = @_; $new->($class, $host, port => {port}) }} }}
        use esmith::util::ldap;
        my $a = esmith::AccountsDB->open; my $l = esmith::util::ldap->new;
        sub entry {{ my @base = (base => "$_[0]," . $l->base, scope => 'base');
            my $e = $l->search(@base, filter => '(objectClass=*)')->entry(0);
            return $e ? {{ map {{ ($_ => join '+', sort $e->get_value($_)) }} $e->attributes }} : {{}} }}
        {code}
    """


def _shown(script: Script, port: int, code: str) -> list[str]:
    return script.shown(_code(port, code))


def test_a_user_is_made_changed_and_deleted(directory: Script, port: int) -> None:
    """The entry has name, address and numbers; a change is written, and a value that is gone goes from the entry."""
    code = """
        show($l->ldapexistsuser('bart'), $l->ldapuser($a->get('bart')), $l->ldapexistsuser('bart'));
        show(@{ entry('uid=bart,ou=Users') }{qw(cn sn givenName mail uidNumber gidNumber loginShell telephoneNumber)});
        show(@{ entry('uid=bart,ou=Users') }{qw(objectClass userPassword homeDirectory)});
        $a->get('bart')->merge_props(FirstName => 'Bob', Phone => '', City => 'Springfield');
        show($l->ldapuser($a->get('bart')), $l->ldapmoduser($a->get('bart')));
        show(@{ entry('uid=bart,ou=Users') }{qw(cn givenName telephoneNumber l)});
        show($l->ldapadduser($a->get('bart')), $l->ldapdeluser('bart'), $l->ldapdeluser('bart'));
        show($l->ldapexistsuser('bart'), $l->ldapmoduser($a->get('bart')));
    """
    assert _shown(directory, port, code) == [
        "<0> <0> <1>",
        "<Bart Muller> <Muller> <Bart> <bart@example.com> <5001> <5001> </usr/bin/false> <1>",
        "<inetOrgPerson+posixAccount+shadowAccount> <{crypt}!*> </home/e-smith/files/users/bart>",
        "<0> <0>",
        "<Bob Muller> <Bob> undef <Springfield>",
        "<68> <0> <32>",
        "<0> <32>",
    ]


def test_groups_and_their_members(directory: Script, port: int) -> None:
    """A group has an address and members, with admin and www; an i-bay has neither of these."""
    code = """
        show($l->ldapgroup($a->get('team')), $l->ldapgroup($a->get('team')), $l->ldapaddgroup($a->get('team')));
        show(@{ entry('cn=team,ou=Groups') }{qw(description mail gidNumber objectClass)});
        show($l->ldapsetgroupmembers('team', ['bart', 'bart']), entry('cn=team,ou=Groups')->{memberUid});
        show($l->ldapaddgroupmembers('team', ['lisa']), $l->ldapaddgroupmembers('team', ['lisa']));
        show($l->ldapsetgroupmembers('none', ['bart']));
        $a->get('team')->set_prop('Description', ''); show($l->ldapmodgroup($a->get('team')));
        show(entry('cn=team,ou=Groups')->{description}, entry('cn=team,ou=Groups')->{memberUid});
        show($l->ldapgroup($a->get('shop')), @{ entry('cn=shop,ou=Groups') }{qw(description mail objectClass)});
        show($l->ldapsetgroupmembers('shop', []), entry('cn=shop,ou=Groups')->{memberUid});
        show($l->ldapgroup($a->get('bart')), entry('cn=bart,ou=Groups')->{gidNumber});
        show($l->ldapdelgroup('team'), $l->ldapexistsgroup('team'), $l->ldapexistsgroup('shop'));
    """
    assert _shown(directory, port, code) == [
        "<0> <0> <68>",
        "<The team> <team@example.com> <5002> <mailboxRelatedObject+posixGroup>",
        "<0> <admin+bart+www>",
        "<0> <20>",
        "<32>",
        "<0>",
        "<team> <admin+bart+lisa+www>",
        "<0> <The shop> undef <posixGroup>",
        "<0> undef",
        "<0> <5001>",
        "<0> <0> <1>",
    ]


def test_accounts_of_groups_ibays_and_machines(directory: Script, port: int) -> None:
    """Each has an account that nobody can log in to; what is none, or has no number, is refused by its code."""
    code = """
        show($l->ldapuser($a->get('team')), $l->ldapuser($a->get('shop')), $l->ldapmoduser($a->get('shop')));
        show(@{ entry('uid=shop,ou=Users') }{qw(cn homeDirectory loginShell objectClass)});
        show(entry('uid=team,ou=Users')->{homeDirectory});
        show($l->ldapaddmachine($a->get('pc$')), $l->ldapaddmachine($a->get('bart')));
        show(@{ entry('uid=pc$,ou=Computers') }{qw(uidNumber gidNumber homeDirectory)});
        show($l->ldapdelmachine('pc$'), $l->ldapdelmachine('pc$'));
        show($l->ldapuser($a->get('new')), $l->ldapgroup($a->get('new')), $l->ldapuser(undef), $l->ldapuser('x'));
    """
    assert _shown(directory, port, code) == [
        "<0> <0> <0>",
        "<The shop> </home/e-smith/files/ibays/shop> </bin/false> <account+posixAccount+shadowAccount>",
        "</home/e-smith>",
        "<0> <253>",
        "<5004> <5004> </noexistingpath>",
        "<0> <32>",
        "<253> <253> <255> <255>",
    ]


def test_a_locked_user_has_no_password(directory: Script, port: int) -> None:
    """Nobody can log in with the former password, and the entry is printed with what it has."""
    code = """
        $l->ldapuser($a->get('bart')); my $dn = 'uid=bart,ou=Users,' . $l->base;
        $l->modify($dn, replace => { userPassword => 'secret' });
        my $other = Net::LDAP->new('localhost'); show($other->bind($dn, password => 'secret')->code);
        show($l->ldaplockuser('bart'), $other->bind($dn, password => 'secret')->code);
        $l->ldapread('uid=bart,ou=Users'); show($l->ldapread('uid=none,ou=Users'));
    """
    first, second, *printed = _shown(directory, port, code)
    assert (first, second) == ("<0>", "<0> <49>")
    assert printed[0] == f"uid=bart,ou=Users,{BASE}"
    assert "\t uidnumber: 5001 " in printed
    assert printed[1:-2] == sorted(printed[1:-2])
    assert printed[-2:] == ["#-------------------------------", "<32>"]


def test_a_wrong_password_dies(directory: Script, port: int) -> None:
    """Where the server refuses the login, or there is none, the script dies with its line: nothing is done."""
    directory.root.write("/etc/openldap/ldap.pw", "wrong\n", mode=0o600)
    answer = directory.run(_code(port, ""), status=None)
    assert "the LDAP server refuses the login: " in answer.err
    assert "script.pl line" in answer.err
    directory.root.write("/etc/openldap/ldap.pw", f"{PASSWORD}\n", mode=0o600)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = directory.run(_code(taken.getsockname()[1], ""), status=None)
    assert "cannot connect to the LDAP server: " in answer.err
