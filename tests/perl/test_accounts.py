"""esmith::AccountsDB, esmith::DomainsDB, esmith::NetworksDB and esmith::HostsDB."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

OPEN = "use esmith::AccountsDB; my $a = esmith::AccountsDB->open;\n"


@pytest.fixture
def staff(script: Script) -> Script:
    """Return a root with the family the original's documentation has."""
    script.run(
        OPEN
        + """
        my %simpson = (type => 'user', LastName => 'Simpson');
        $a->new_record('bart', { %simpson, FirstName => ' Bart ', PasswordSet => 'yes' });
        $a->new_record('lisa', { %simpson, FirstName => 'Lisa Marie', PasswordSet => 'no' });
        $a->new_record('simpsons', { type => 'group', Members => 'bart,lisa' });
        $a->new_record('skaters', { type => 'group', Members => 'bart' });
        $a->new_record('files', { type => 'ibay' });
        $a->new_record('laser', { type => 'printer' });
        $a->new_record('dude', { type => 'pseudonym', Account => 'bart' });
        """
    )
    return script


def test_accounts_by_type(staff: Script) -> None:
    """users, groups, ibays, printers and pseudonyms give the records of a type; activeUsers those with a password."""
    assert staff.shown(
        OPEN
        + """
        for my $method (qw(users groups ibays printers activeUsers)) { show(map { $_->key } $a->$method) }
        show(grep { $_ eq 'dude' } map { $_->key } $a->pseudonyms);
        """
    ) == ["<bart> <lisa>", "<simpsons> <skaters>", "<files>", "<laser>", "<bart>", "<dude>"]


def test_membership(staff: Script) -> None:
    """is_user_in_group is 1, 0, or undef without such a group; user_group_list names the groups."""
    assert staff.shown(
        OPEN
        + """
        show((map { $a->is_user_in_group($_, 'simpsons') } qw(bart moe bar)), $a->is_user_in_group('bart', 'x'));
        show($a->user_group_list('bart')); show($a->user_group_list('moe'));
        """
    ) == ["<1> <0> <0> undef", "<simpsons> <skaters>", ""]


def test_changing_membership(staff: Script) -> None:
    """Members are sorted and single; a group that would be empty gets admin; unknown groups are left out."""
    assert staff.shown(
        OPEN
        + """
        $a->add_user_to_groups('abe', 'simpsons', 'skaters', 'nothing'); $a->add_user_to_groups('abe', 'simpsons');
        show($a->get_prop('simpsons', 'Members'), $a->get_prop('skaters', 'Members'));
        $a->remove_user_from_groups('bart', 'simpsons', 'skaters'); $a->remove_user_from_groups('abe', 'skaters');
        show($a->get_prop('simpsons', 'Members'), $a->get_prop('skaters', 'Members'));
        $a->set_user_groups('abe', 'skaters');
        show($a->get_prop('simpsons', 'Members'), $a->get_prop('skaters', 'Members'), $a->user_group_list('abe'));
        """
    ) == ["<abe,bart,lisa> <abe,bart>", "<abe,lisa> <admin>", "<lisa> <abe,admin> <skaters>"]
    answer = staff.run(OPEN + "$a->add_user_to_groups('x', 'bad name');")
    assert "doesn't look like a group" in answer.err


def test_pseudonyms_of_names(staff: Script) -> None:
    """First and last name in lower case, joined by a dot or an underline, blanks taken for one."""
    assert staff.shown(
        OPEN
        + """
        show(map { ($a->dot_pseudonym($_), $a->underbar_pseudonym($_)) } qw(bart lisa));
        $a->create_user_auto_pseudonyms('bart'); $a->create_user_auto_pseudonyms('bart');
        show(map { ($a->get_prop($_, 'type'), $a->get_prop($_, 'Account')) } qw(bart.simpson bart_simpson));
        show($a->remove_user_auto_pseudonyms('bart'), $a->remove_user_auto_pseudonyms('bart'), $a->get('bart.simpson'));
        """
    ) == [
        "<bart.simpson> <bart_simpson> <lisa.marie.simpson> <lisa_marie_simpson>",
        "<pseudonym> <bart> <pseudonym> <bart>",
        "<2> <0>",
    ]


PERSONS = {
    "ASCII, several words": ("Lisa Marie", "van der Berg", "lisa.marie.van.der.berg", "lisa_marie_van_der_berg"),
    "accents and an apostrophe": ("Ren\u00e9e", "O'Brien", "renee.obrien", "renee_obrien"),
    "capitals with accents, hyphen": ("\u00c5sa", "M\u00fcller-L\u00fcd.", "asa.muller-lud", "asa_muller-lud"),
}


@pytest.mark.parametrize("person", PERSONS)
def test_pseudonyms_are_those_of_user_create(script: Script, person: str) -> None:
    """create_user_auto_pseudonyms makes what the action of user-create makes, and its removal finds that, too."""
    first, last, *names = PERSONS[person]
    script.root.db("accounts", "set", "x", "user", "FirstName", first, "LastName", last)
    for module in ("esmith::AccountsDB", "esmith::AccountsDB::UTF8"):
        use = f"use {module}; my $a = {module}->open;\n"
        keys = "sort map { $_->key } grep { ($_->prop('Account') || '') eq 'x' } $a->pseudonyms"
        made = script.shown(use + f"$a->create_user_auto_pseudonyms('x'); show({keys});")
        assert made == [" ".join(f"<{name}>" for name in names)]
        assert script.shown(use + f"show($a->remove_user_auto_pseudonyms('x'), {keys});") == ["<2>"]
        assert script.root.signal("user-create", "x").out is not None
        assert script.shown(use + f"show({keys});") == made
        assert script.shown(use + f"show($a->remove_user_auto_pseudonyms('x'), {keys});") == ["<2>"]


def test_pseudonyms_of_the_original_are_removed(script: Script) -> None:
    """Names made on the old server, with the accents or without a first name, are removed with the user."""
    script.root.db("accounts", "set", "x", "user", "FirstName", "Ren\u00e9e", "LastName", "O'Brien")
    script.root.db("accounts", "set", "y", "user", "FirstName", "", "LastName", "Cher")
    for name, user in (("ren\u00e9e.o'brien", "x"), ("ren\u00e9e_o'brien", "y"), ("cher", "y")):
        script.root.db("accounts", "set", name, "pseudonym", "Account", user)
    code = "$a->create_user_auto_pseudonyms('y'); show(map { $a->remove_user_auto_pseudonyms($_) } qw(x y nobody));"
    assert script.shown(OPEN + code) == ["<1> <1> <0>"]
    assert script.root.db("accounts", "get", "ren\u00e9e_o'brien").out == "pseudonym|Account|y\n"


def test_the_number_of_a_user(staff: Script) -> None:
    """get_user_uid is the Uid of a user or a system account; undef for all else and where none is known yet."""
    for name in ("bart", "simpsons", "admin"):
        staff.root.db("accounts", "setprop", name, "Uid", "5004")
    assert staff.shown(OPEN + "show(map { $a->get_user_uid($_) } qw(bart admin lisa simpsons dude nobody));") == [
        "<5004> <5004> undef undef undef undef"
    ]


def test_all_pseudonyms_of_a_user(staff: Script) -> None:
    """remove_all_user_pseudonyms deletes the user's, and theirs in turn, and returns how many; others stay."""
    assert staff.shown(
        OPEN
        + """
        $a->new_record('dudette', { type => 'pseudonym', Account => 'dude' });
        $a->new_record('other', { type => 'pseudonym', Account => 'lisa' });
        show($a->remove_all_user_pseudonyms('bart'), map { $a->get_prop($_, 'type') } qw(dude dudette other bart));
        """
    ) == ["<2> undef undef <pseudonym> <user>"]


def test_unix_accounts_are_not_taken(staff: Script) -> None:
    """A name of a unix account or group of the root gets no record, with a warning."""
    staff.root.write("/etc/passwd", staff.root.read("/etc/passwd") + "apu:x:5001:5001::/:/bin/false\n")
    answer = staff.run(OPEN + "show(scalar $a->new_record('apu', { type => 'user' }), $a->get('apu'));")
    assert answer.out == "undef\n"
    assert "Attempt to create account 'apu' which already exists in passwd" in answer.err


def test_names_of_accounts(script: Script) -> None:
    """validate_account_name says OK or undef, as a method and as a function."""
    names = ["root", "fred.frog", "jane_doe", "a-b", "^root", "Root", "1st", "", "a b"]
    called = ", ".join(f"$a->validate_account_name('{name}')" for name in names)
    functions = ", ".join(f"esmith::AccountsDB::validate_account_name('{name}')" for name in names)
    expected = "<OK> <OK> <OK> <OK> undef undef undef undef undef"
    assert script.shown(OPEN + f"show({called}); show({functions});") == [expected] * 2


def test_numbers_of_accounts(script: Script) -> None:
    """get_next_uid skips the numbers of users and groups of the root, and gives none twice."""
    script.root.write("/etc/passwd", script.root.read("/etc/passwd") + "apu:x:5000:5000::/:/bin/false\n")
    script.root.write("/etc/group", script.root.read("/etc/group") + "apu:x:5002:\n")
    assert script.shown(OPEN + "show(map { $a->get_next_uid } 1 .. 3);") == ["<5001> <5003> <5004>"]
    assert script.root.config("get", "MinUid").out == "5005\n"


def test_domains(script: Script) -> None:
    """domains gives the records of the type domain."""
    script.root.db("domains", "set", "test.com", "domain")
    script.root.db("domains", "set", "virtual", "other")
    assert script.shown("use esmith::DomainsDB; show(map { $_->key } esmith::DomainsDB->open->domains);") == [
        "<example.com> <test.com>"
    ]


def test_networks(script: Script) -> None:
    """local_access_spec names who may use something: this host, the local networks, or all."""
    script.root.db("networks", "set", "192.168.1.0", "network", "Mask", "255.255.255.0")
    script.root.db("networks", "set", "10.1.2.3", "network", "Mask", "255.255.255.255")
    script.root.db("networks", "set", "10.1.2.0", "network-deleted", "Mask", "255.255.255.0")
    code = """
        use esmith::NetworksDB; my $n = esmith::NetworksDB->open_ro;
        show(map { $_->key } $n->networks);
        show(scalar $n->local_access_spec); show(map { scalar $n->local_access_spec($_) } qw(localhost public));
        show($n->local_access_spec('private'));
    """
    assert script.shown(code) == [
        "<10.1.2.3> <192.168.1.0>",
        "<127.0.0.1 10.1.2.3 192.168.1.0/255.255.255.0>",
        "<127.0.0.1> <ALL>",
        "<127.0.0.1> <10.1.2.3> <192.168.1.0/255.255.255.0>",
    ]
    answer = script.run("use esmith::NetworksDB; esmith::NetworksDB->open_ro->local_access_spec('some');")
    assert "unknown access value some" in answer.err


def test_hosts(script: Script) -> None:
    """hosts, get_hosts_by_domain and propogate_hosts find and rename host records."""
    script.run(
        """
        use esmith::HostsDB; my $h = esmith::HostsDB->open;
        $_->delete for $h->get_all;
        $h->new_record($_, { type => 'host', HostType => 'Self' })
            for qw(mail.tofu-dog.com mail.wibble.org wibble.mail.org yarrow.wibble.org);
        """
    )
    assert script.shown(
        """
        use esmith::HostsDB; my $h = esmith::HostsDB->open;
        show(map { $_->key } $h->get_hosts_by_domain('wibble.org')); show(scalar(my @all = $h->hosts));
        show(map { ($_->key, $_->prop('HostType')) } $h->propogate_hosts('mail', 'armondo'));
        show(map { $_->key } $h->hosts);
        """
    ) == [
        "<mail.wibble.org> <yarrow.wibble.org>",
        "<4>",
        "<armondo.tofu-dog.com> <Self> <armondo.wibble.org> <Self>",
        "<armondo.tofu-dog.com> <armondo.wibble.org> <wibble.mail.org> <yarrow.wibble.org>",
    ]
