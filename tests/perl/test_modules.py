"""The smaller modules: what their one line in docs/perl.md does not say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from esmith.perl.modules import perl_modules
from tests.commands import Root
from tests.perl.kit import Script
from tests.store.stores import last_revision, opened

pytestmark = pytest.mark.program("perl")

ADDRESSES = "use Net::IPv4Addr ':all'; show(scalar ipv4_network('10.1.2.3/8'));"


def test_an_installed_net_ipv4addr_is_used(script: Script) -> None:
    """Where perl finds another module of that name, that one is loaded, wherever it is in the search path."""
    code = "package Net::IPv4Addr; use base 'Exporter'; our @EXPORT_OK = ('ipv4_network');"
    code += "our %EXPORT_TAGS = (all => [@EXPORT_OK]); sub ipv4_network { 'the other one' } 1;\n"
    script.root.write("/lib/Net/IPv4Addr.pm", code)
    other = script.root.path / "lib"
    assert script.shown(f"use lib '{other}'; {ADDRESSES}") == ["<the other one>"]
    assert script.shown(f"BEGIN {{ push @INC, '{other}' }} {ADDRESSES}") == ["<the other one>"]
    assert script.shown(ADDRESSES) == ["<10.0.0.0/8>"]


def test_the_installed_copy_of_our_own_is_none(script: Script) -> None:
    """An action finds the modules of the package and those that init installed: neither loads the other."""
    installed = script.root.path / "usr/local/lib/site_perl"
    assert (installed / "Net/IPv4Addr.pm").exists()
    assert script.shown(f"BEGIN {{ push @INC, '{installed}' }} {ADDRESSES}") == ["<10.0.0.0/8>"]
    assert script.shown(f"use lib '{installed}'; {ADDRESSES}") == ["<10.0.0.0/8>"]


def test_a_broken_net_ipv4addr_is_not_hidden(script: Script) -> None:
    """What is wrong with the installed one is shown, instead of our own being used without a word."""
    script.root.write("/lib/Net/IPv4Addr.pm", "die 'it is broken';\n")
    answer = script.run(f"BEGIN {{ push @INC, '{script.root.path}/lib' }} {ADDRESSES}", status=None)
    assert "it is broken" in answer.err


def test_init_installs_net_ipv4addr(root: Root) -> None:
    """A script outside of events finds it beside the other modules."""
    assert (
        root.file("/usr/local/lib/site_perl/Net/IPv4Addr.pm").read_bytes()
        == (Path(perl_modules()) / "Net/IPv4Addr.pm").read_bytes()
    )
    assert root.file("/usr/local/lib/site_perl/esmith/util/ldap.pm").exists()


def test_wrong_addresses_are_shown_with_the_line_of_the_caller(script: Script) -> None:
    """An address that is none is a die at the place that called the function."""
    answer = script.run("use Net::IPv4Addr ':all';\n\nipv4_broadcast('300.1.1.1');\n", status=None)
    assert "invalid IPv4 address: 300.1.1.1 at " in answer.err
    assert "script.pl line 3." in answer.err


def test_a_contribs_own_class_says_what_its_texts_are(script: Script) -> None:
    """A subclass of esmith::DB::db with a tie_class of its own has characters, as in the original."""
    assert script.shown(
        r"""
        package Mine; use esmith::DB::db; our @ISA = ('esmith::DB::db'); sub tie_class { 'esmith::config::utf8' }
        package main; require esmith::config::utf8; my $db = Mine->create('mine');
        my $name = "\x{20ac}"; $db->new_record('k', { type => 't', Name => $name });
        show(map { length $_->open('mine')->get_prop('k', 'Name') } qw(Mine esmith::DB::db));
        """
    ) == ["<1> <3>"]


def test_a_hash_is_tied_to_a_file_of_this_directory(script: Script) -> None:
    """A name without a slash is a file of the current directory where there is one, else the database."""
    script.root.write("/here/zoo", "Only=here\n")
    assert script.shown(
        """
        use esmith::config; chdir "$ENV{ESMITH_ROOT}/here";
        tie my %file, 'esmith::config', 'zoo'; show(%file, tied(%file)->filename);
        chdir '/'; tie my %zoo, 'esmith::config', 'zoo'; show($zoo{Foo}); show(%file);
        """
    ) == ["<Only> <here> <zoo>", "<Bar>", "<Only> <here>"]


def test_the_defaults_are_set_again_in_one_change(script: Script) -> None:
    """resetToDefaults: what schema files and contribs say; what has no default stays; undo takes it back."""
    root = script.root
    root.write("/etc/e-smith/db/configuration/defaults/mine/type", "service\n")
    root.write("/etc/e-smith/db/configuration/defaults/mine/Port", "80\n")
    root.write("/etc/e-smith/db/configuration/force/mine/Mode", "strict\n")
    root.config("set", "mine", "service", "Port", "81", "Own", "x")
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    name = root.config("get", "DomainName").out
    script.run("use esmith::ConfigDB; esmith::ConfigDB->open->resetToDefaults or die;")
    assert root.config("show", "mine").out == "mine=service\n    Mode=strict\n    Own=x\n    Port=80\n"
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    assert root.config("get", "DomainName").out == name
    with opened(root.path, write=False) as store:
        last = last_revision(store)
    root.esmith("undo", str(last))
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"
    assert root.config("getprop", "mine", "Port").out == "81\n"


def test_a_generated_password_stays(script: Script) -> None:
    """resetToDefaults does not lock out whoever has a password that was generated."""
    root = script.root
    root.write("/etc/e-smith/db/zoo/gate.toml", 'type = "gate"\n[properties.Key]\ntype = "text"\ngenerate = 20\n')
    root.db("zoo", "set", "gate", "gate", "Key", "known")
    script.run("use esmith::DB::db; esmith::DB::db->open('zoo')->resetToDefaults or die;")
    assert root.db("zoo", "getprop", "gate", "Key").out == "known\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("use esmith::DB::db; esmith::DB::db->open_ro('zoo')->resetToDefaults;", "open read-only"),
        ("use esmith::DB::db; esmith::DB::db->create('./x')->resetToDefaults;", "a flat file has no defaults"),
        ("use esmith::DB::db; esmith::DB::db->open('zoo')->record_has_defaults;", "can't determine record name"),
    ],
)
def test_what_has_no_defaults(script: Script, code: str, message: str) -> None:
    """Read-only databases and files are refused; a key that is missing is warned of."""
    answer = script.run(f"chdir $ENV{{ESMITH_ROOT}};\n{code}", status=None if "record_has" not in code else 0)
    assert message in answer.err
    assert "script.pl line 2." in answer.err


def test_the_ldap_password_is_only_for_root(script: Script) -> None:
    """The file is made with its mode, and a directory that is missing is a warning and undef."""
    code = "use esmith::util; show(scalar esmith::util::LdapPassword());"
    answer = script.run(code)
    assert answer.out == "undef\n"
    assert "Could not write LDAP password file: " in answer.err
    directory = script.root.file("/etc/openldap")
    directory.mkdir()
    password = script.shown(code)
    assert script.shown(code) == password
    assert stat.S_IMODE((directory / "ldap.pw").stat().st_mode) == 0o600
    assert os.listdir(directory) == ["ldap.pw"]


@pytest.mark.parametrize(
    "code",
    [
        "use esmith::lockfile 'LockFileOrWait';\nLockFileOrWait('/no/such/lock');",
        "use esmith::util;\nesmith::util::getLicenses('en_US');",
        "use esmith::I18N; BEGIN { unshift @INC, sub { die if $_[1] =~ /gettext/; () } }\n"
        "esmith::I18N->new->setLocale('x', 'de');",
    ],
)
def test_what_fails_names_the_line_of_the_script(script: Script, code: str) -> None:
    """A module dies at the place of the script that called it."""
    assert "script.pl line 2." in script.run(code, status=None).err


FRAGMENTS = {
    "no LDAP password": ("use esmith::util; esmith::util::LdapPassword()", "may not make the LDAP password"),
    "killall": ("use esmith::util::system; esmith::util::system::killall(1, 'x')", "may not send a signal"),
    "rsync": ("use esmith::util::system; esmith::util::system::rsync('a', 'b')", "may not copy files"),
    "ldap": ("use esmith::util::ldap; esmith::util::ldap->new", "may not change the directory"),
    "logrotate": ("use esmith::logrotate; esmith::logrotate::NewLogFileSymlink('x')", "may not rotate a log"),
    "tcpsvd": ("use esmith::tcpsvd; esmith::tcpsvd::configure_peers('x')", "may not configure peers"),
    "reset": ("$DB->resetToDefaults", "a template may not change a setting"),
    "password": ("esmith::util::setUserPassword('a', 'b')", "setUserPassword is not provided: passwords of accounts"),
    "a module": ("use esmith::cgi; 1", "the module esmith::cgi is not provided: it draws pages"),
}


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize(("code", "message"), FRAGMENTS.values(), ids=FRAGMENTS)
def test_what_a_fragment_may_not_do(script: Script, code: str, message: str) -> None:
    """A fragment is expanded in rehearsals, too: what would change something dies at its place."""
    script.root.write("/etc/e-smith/templates/etc/try/template.toml", 'engine = "perl"\n')
    script.root.write("/etc/e-smith/templates/etc/try/10x", f"\n{{ {code} }}\n")
    answer = script.root.expand("/etc/try", code=4)
    assert message in answer.err
    assert "try/10x:2: " in answer.err


@pytest.mark.program("Text::Template")
def test_a_fragment_reads_what_is_there(script: Script) -> None:
    """A fragment reads the LDAP password, the licences and the line of hosts.allow."""
    root = script.root
    root.write("/etc/openldap/ldap.pw", "secret\n")
    root.write("/etc/e-smith/licenses/en_US/00", "Free.\n")
    root.config("set", "zope", "service", "status", "enabled", "access", "localhost")
    root.write("/etc/e-smith/templates/etc/try/template-begin", "")
    code = "esmith::util::LdapPassword(), scalar esmith::util::getLicenses('en-us'), $DB->hosts_allow_spec('zope')"
    root.write("/etc/e-smith/templates/etc/try/10x", f"{{ join '|', {code} }}")
    root.expand("/etc/try")
    assert root.read("/etc/try") == "secret|Free.\n|zope: 127.0.0.1"


def test_perl_base_is_enough(script: Script) -> None:
    """Every module compiles with the modules of Debian's package perl-base alone, which is all that a bare root has."""
    library = Path(perl_modules())
    (directory,) = Path("/usr/lib").glob("*/perl-base")
    absent = {"cgi.pm", "console.pm", "ethernet.pm"}
    names = [str(path.relative_to(library)) for path in sorted(library.rglob("*.pm")) if path.name not in absent]
    loads = "\n".join(f"require '{name}';" for name in names)
    code = f"BEGIN {{ @INC = ('{library}', '{directory}') }}\n{loads}\nprint 'done';"
    answer = script.run(code)
    assert (answer.out, answer.err) == ("done", "")
