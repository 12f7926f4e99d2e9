"""Rows of docs/perl.md#what-differs-from-the-original that no other test shows by itself."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script
from tests.store.stores import last_revision, opened

pytestmark = pytest.mark.program("perl")


def _revision(script: Script) -> int:
    with opened(script.root.path) as store:
        return last_revision(store)


def test_an_unknown_method(script: Script) -> None:
    """Perl names the method and the class: a misspelt call does not pass for one that found nothing."""
    answer = script.run("use esmith::ConfigDB; esmith::ConfigDB->open->get_all_by_type('x');", status=None)
    assert 'Can\'t locate object method "get_all_by_type" via package "esmith::ConfigDB"' in answer.err


def test_a_newline_in_a_line(script: Script) -> None:
    """What is assigned to a tied database is refused whole, and kept whole in a flat file."""
    answer = script.run("use esmith::config; tie my %h, 'esmith::config', 'zoo'; $h{Foo} = qq(a\\nb);", status=None)
    assert "cannot contain a newline" in answer.err
    assert script.root.db("zoo", "get", "Foo").out == "Bar\n"
    path = script.root.write("/flat", "Foo=Bar\n")
    script.run(f"use esmith::config; tie my %h, 'esmith::config', '{path}'; $h{{Foo}} = qq(a\\nb);")
    assert script.root.db(str(path), "get", "Foo").out == "a\nb\n"


def test_emptying_a_hash(script: Script) -> None:
    """Each record is a transaction of its own, so that each can be taken back by itself."""
    before = _revision(script)
    script.run("use esmith::config; tie my %h, 'esmith::config', 'zoo'; %h = ();")
    assert _revision(script) - before == 3


@pytest.mark.program("Text::Template")
def test_confref_is_the_configuration(script: Script) -> None:
    """What CONFREF holds are variables; $confref is the configuration, and every record has its $key."""
    text = (
        "{ join '|', $mine, defined $$confref{mine} ? 1 : 0, $$confref{DomainName}, $qpsmtpd =~ /^service\\|/ ? 1 : 0 }"
    )
    script.root.write("/etc/e-smith/templates/etc/try", text)
    options = "TEMPLATE_PATH => '/etc/try', OUTPUT_TYPE => 'string', ALL_RECORDS_AS_SCALARS => 0"
    code = f"use esmith::templates; print processTemplate({{ CONFREF => {{ mine => 'x' }}, {options} }});"
    assert script.run(code).out == "x|0|example.com|1"


def test_letters_of_other_scripts(script: Script) -> None:
    """Accents are taken off, and what is no Latin letter is left out."""
    code = "use esmith::util::ldap; show(stringToASCII('Zo\\xc3\\xab'), stringToASCII(qq(\\xd0\\x9c a)));"
    assert script.shown(code.replace("'Zo\\xc3\\xab'", "qq(Zo\\xc3\\xab)")) == ["<Zoe> < a>"]


def test_names_of_logs_have_the_month(script: Script) -> None:
    """The name that a log gets has the date as people write it."""
    code = """
        use esmith::logrotate; use POSIX (); my $log = "$ENV{ESMITH_ROOT}/var/log"; mkdir $log;
        esmith::logrotate::NewLogFileSymlink('mine'); my ($month) = readlink("$log/mine") =~ /mine(\\d{6})/;
        show($month eq POSIX::strftime('%Y%m', localtime) || $month eq POSIX::strftime('%Y%m', gmtime));
    """
    assert script.shown(code) == ["<1>"]


def test_the_locale_of_a_language(script: Script) -> None:
    """A country that is named stays, whatever locales are installed; a language alone means its main country."""
    code = "use esmith::I18N; my $i = esmith::I18N->new; show(map { $i->langtag2locale($_) } qw(en-gb en fr xx en_GB));"
    assert script.shown(code) == ["<en_GB> <en_US> <fr_CA> <en_US.utf8> <en_GB>"]


def test_names_of_hosts(script: Script) -> None:
    """A name begins with a letter and has a dot before a letter; a part between may begin with a digit."""
    code = """
        use esmith::util::network qw(isValidHostname);
        show(map { isValidHostname($_) } qw(mail.example.com www.1and1.com 10.0.0.1 a.b));
        show(map { isValidHostname($_) } ('localhost', '1a.example.com', 'a.1', 'a_b.c', '', undef));
    """
    assert script.shown(code) == ["<1> <1> <1> <1>", "<0> <0> <0> <0> <0> <0>"]
