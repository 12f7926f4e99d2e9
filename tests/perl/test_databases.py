"""esmith::DB::db and esmith::ConfigDB: what each method takes and returns (docs/original.md#records-in-perl)."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

OPEN = "use esmith::DB::db; my $db = esmith::DB::db->open('zoo') or die esmith::DB->error;\n"


def test_a_database_is_opened_by_name_or_path(script: Script) -> None:
    """The original's path means the same database; file returns it."""
    assert script.shown(
        """
        use esmith::ConfigDB;
        for my $file (undef, '', 'configuration', '/home/e-smith/db/configuration') {
            my $db = esmith::ConfigDB->open($file);
            show($db->get_value('DomainName'), $db->file, $db->is_ro);
        }
        show(esmith::ConfigDB->open_ro->is_ro);
        """
    ) == [*["<example.com> </home/e-smith/db/configuration> <0>"] * 4, "<1>"]


def test_each_class_has_its_database(script: Script) -> None:
    """Without a name each class opens its own database, or the one its variable names."""
    script.root.db("--force", "accounts2", "set", "x", "user")
    assert script.shown(
        """
        use esmith::AccountsDB; use esmith::DomainsDB; use esmith::NetworksDB; use esmith::HostsDB;
        show(map { $_->open_ro->file }
            qw(esmith::AccountsDB esmith::DomainsDB esmith::NetworksDB esmith::HostsDB));
        $ENV{ESMITH_ACCOUNT_DB} = 'accounts2';
        show(map { $_->key } esmith::AccountsDB->open->users);
        """
    ) == [" ".join(f"</home/e-smith/db/{name}>" for name in ("accounts", "domains", "networks", "hosts")), "<x>"]


def test_a_missing_database_is_not_opened(script: Script) -> None:
    """open and open_ro return nothing and leave the original's reason."""
    assert script.shown(
        """
        use esmith::DB::db;
        show(scalar esmith::DB::db->open('nothere'), esmith::DB->error, esmith::DB::db->error);
        show(scalar esmith::DB::db->open_ro('nothere'));
        """
    ) == ["undef <File doesn't exist> <File doesn't exist>", "undef"]


def test_a_database_is_created_once(script: Script) -> None:
    """create makes an empty database, and refuses one that exists."""
    assert script.shown(
        """
        use esmith::DB::db;
        my $db = esmith::DB::db->create('fresh');
        show($db->keys, ref $db);
        show(scalar esmith::DB::db->create('fresh'), esmith::DB->error);
        show(ref esmith::DB::db->open('fresh'));
        """
    ) == ["<esmith::DB::db>", "undef <File exists>", "<esmith::DB::db>"]


def test_get_returns_a_record_or_nothing(script: Script) -> None:
    """A missing record is undef, in list context the empty list; in ConfigDB undef in both."""
    assert script.shown(
        OPEN
        + """
        show(ref $db->get('Squid'), scalar $db->get('nothing'));
        show($db->get('nothing')); show($db->get(undef));
        use esmith::ConfigDB; my $c = esmith::ConfigDB->open;
        show(ref $c->get('qpsmtpd')); show($c->get('nothing'));
        """
    ) == ["<esmith::DB::db::Record> undef", "", "", "<esmith::ConfigDB::Record>", "undef"]


def test_values_and_properties_without_a_record(script: Script) -> None:
    """get_value and get_prop return undef for whatever is missing, without a warning."""
    assert script.shown(
        OPEN
        + """
        show($db->get_value('Foo'), $db->get_prop('Squid', 'arms'), $db->get_prop('Squid', 'type'));
        show($db->get_prop('Octopus', 'species'), $db->get_prop('Squid', 'x'), $db->get_prop('x', 'y'));
        show($db->get_value('x'), $db->get_value(undef), $db->get_prop('Squid', undef));
        """
    ) == ["<Bar> <10> <cephalopod>", "<> undef undef", "undef undef undef"]


def test_all_records(script: Script) -> None:
    """get_all, keys, list_by_type and as_hash give all records in order of their keys."""
    assert script.shown(
        OPEN
        + """
        show(map { $_->key } $db->get_all);
        show($db->keys, scalar(my @keys = $db->keys));
        show($db->list_by_type('cephalopod'));
        my %hash = $db->as_hash;
        show(sort keys %hash);
        show(map { "$_=$hash{Squid}{$_}" } sort keys %{ $hash{Squid} });
        %hash = esmith::DB::db->as_hash('zoo');
        show($hash{Foo}{type}, exists $hash{Foo}{arms} ? 1 : 0);
        """
    ) == [
        "<Foo> <Octopus> <Squid>",
        "<Foo> <Octopus> <Squid> <3>",
        "<Octopus> <Squid>",
        "<Foo> <Octopus> <Squid>",
        "<arms=10> <species=Loligo> <type=cephalopod>",
        "<Bar> <0>",
    ]


def test_records_by_property(script: Script) -> None:
    """get_all_by_prop matches the whole value or one item of a comma list, several properties together, or patterns."""
    assert script.shown(
        OPEN
        + """
        show(map { $_->key } $db->get_all_by_prop(type => 'cephalopod'));
        show(map { $_->key } $db->get_all_by_prop(seas => 'black'));
        show(map { $_->key } $db->get_all_by_prop(seas => 'blac'));
        show(map { $_->key } $db->get_all_by_prop(type => 'cephalopod', arms => 10));
        show(map { $_->key } $db->get_all_by_prop(type => '(?:Bar|cephalopod)'));
        show(map { $_->key } $db->get_all_by_prop(species => ''));
        show(map { $_->key } $db->get_all_by_prop(type => '('));
        """
    ) == ["<Octopus> <Squid>", "<Octopus>", "", "<Squid>", "<Foo> <Octopus> <Squid>", "<Octopus>", ""]


def test_new_records(script: Script) -> None:
    """new_record makes a record and returns it; the caller's hash stays as it is; an existing key gives nothing."""
    assert script.shown(
        OPEN
        + """
        my %props = (type => 'fish', fins => 4, name => undef);
        my $record = $db->new_record('Carp', \\%props);
        show(ref $record, $record->key, $record->prop('type'), $record->prop('fins'), $record->prop('name'));
        show($props{type}, scalar $db->new_record('Carp', { type => 'other' }), $db->get_prop('Carp', 'type'));
        show($db->new_record('Bare')->value, scalar $db->get('Bare')->props);
        """
    ) == ["<esmith::DB::db::Record> <Carp> <fish> <4> <>", "<fish> undef <fish>", "<> <1>"]
    assert script.root.db("zoo", "get", "Carp").out == "fish|fins|4|name|\n"


def test_setting_without_a_record(script: Script) -> None:
    """set_prop and set_value return 1, or 0 for a missing record unless they may make it."""
    assert script.shown(
        OPEN
        + """
        show($db->set_prop('Squid', 'arms', 12), $db->set_prop('New', 'a', 1), $db->get('New') ? 1 : 0);
        show($db->set_prop('New', 'a', 1, type => 'thing'), $db->get_prop('New', 'type'), $db->get_prop('New', 'a'));
        show($db->set_prop('New', 'a', 2, type => 'other'), $db->get_prop('New', 'type'), $db->get_prop('New', 'a'));
        show($db->set_prop('New', 'type', 'third'), $db->get_value('New'), $db->set_prop('New', 'b', undef));
        show($db->set_value('Foo', 'Baz'), $db->set_value('V', 'one'), $db->set_value('W', 'x', create => 0));
        show($db->get_value('Foo'), $db->get_value('V'), $db->get_value('W'));
        """
    ) == ["<1> <0> <0>", "<1> <thing> <1>", "<1> <thing> <2>", "<1> <third> <1>", "<1> <1> <0>", "<Baz> <one> undef"]
    assert script.root.db("zoo", "get", "New").out == "third|a|2|b|\n"
    assert script.root.db("zoo", "get", "Squid").out == "cephalopod|arms|12|species|Loligo\n"


def test_reading_and_deleting(script: Script) -> None:
    """get_value_and_delete and get_prop_and_delete return what was there, undef when there was nothing."""
    assert script.shown(
        OPEN
        + """
        show($db->get_prop_and_delete('Squid', 'arms'), $db->get_prop('Squid', 'arms'));
        show($db->get_prop_and_delete('Squid', 'arms'), $db->get_prop_and_delete('x', 'y'));
        show($db->get_value_and_delete('Foo'), scalar $db->get('Foo'), $db->get_value_and_delete('Foo'));
        """
    ) == ["<10> undef", "undef undef", "<Bar> undef undef"]


@pytest.mark.parametrize(
    "write",
    [
        "$db->new_record('New', { type => 'x' })",
        "$db->set_prop('Squid', 'arms', 1)",
        "$db->set_value('Foo', 'x')",
        "$db->get('Squid')->set_prop('arms', 1)",
        "$db->get('Squid')->set_value('x')",
        "$db->get('Squid')->delete_prop('arms')",
        "$db->get('Squid')->merge_props(arms => 1)",
        "$db->get('Squid')->reset_props(type => 'x')",
        "$db->get('Squid')->delete",
    ],
)
def test_a_database_opened_read_only_is_not_written(script: Script, write: str) -> None:
    """Every method that writes dies with the reason and the line of the script, and nothing is changed."""
    before = script.root.db("zoo", "print").out
    answer = script.run(f"use esmith::DB::db;\nmy $db = esmith::DB::db->open_ro('zoo');\n{write};\n", status=None)
    assert "is open" in answer.err and "read-only at" in answer.err.replace("opened", "open")
    assert "script.pl line 3." in answer.err
    assert script.root.db("zoo", "print").out == before


def test_what_others_change_is_seen(script: Script) -> None:
    """get, prop and get_prop read again; what get_all returned is of its moment until reload."""
    assert script.shown(
        OPEN
        + """
        my $squid = $db->get('Squid');
        my ($first) = grep { $_->key eq 'Squid' } $db->get_all;
        system "$ENV{ESMITH_ROOT}/sbin/e-smith/db", qw(zoo setprop Squid arms 11);
        show($squid->prop('arms'), $db->get_prop('Squid', 'arms'), $first->prop('arms'));
        $db->reload;
        show($first->prop('arms'));
        my ($other) = grep { $_->key eq 'Squid' } $db->get_all;
        $squid->set_prop('arms', 12);
        show($other->prop('arms'), { $other->props }->{arms});
        """
    ) == ["<11> <11> <10>", "<11>", "<12> <12>"]


def test_helpers_of_the_configuration(script: Script) -> None:
    """services, getLocale and wins_server read the records the original reads."""
    script.root.config("set", "smb", "service", "ServerRole", "PDC")
    script.root.config("set", "InternalInterface", "interface", "IPAddress", "192.168.1.1")
    assert script.shown(
        """
        use esmith::ConfigDB; my $c = esmith::ConfigDB->open;
        show(grep { $_ eq 'qpsmtpd' || $_ eq 'DomainName' } $c->services);
        show($c->wins_server);
        $c->set_prop('smb', 'ServerRole', 'WS'); show($c->wins_server);
        $c->set_prop('smb', 'WINSServer', '10.0.0.1'); show($c->wins_server);
        $c->get('sysconfig')->delete if $c->get('sysconfig');
        show($c->getLocale);
        $c->new_record('sysconfig', { type => 'configuration', Language => 'de_DE' }); show($c->getLocale);
        show($c->record_has_defaults('qpsmtpd') ? 1 : 0, $c->record_has_defaults('nothing') ? 1 : 0);
        """
    ) == ["<qpsmtpd>", "<192.168.1.1>", "undef", "<10.0.0.1>", "undef", "<de_DE> <pc> <us>", "<1> <0>"]


def test_migrate_applies_the_defaults(script: Script) -> None:
    """migrate runs what esmith initialize-databases does and says whether it went well."""
    script.root.config("delprop", "qpsmtpd", "DNSBL")
    assert script.run("use esmith::ConfigDB; exit !esmith::ConfigDB->open->migrate;").err == ""
    assert script.root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    script.root.write("/etc/e-smith/db/configuration/broken.toml", "=")
    assert script.shown(
        "use esmith::ConfigDB; open STDERR, '>', '/dev/null'; show(esmith::ConfigDB->open->migrate);"
    ) == ["<0>"]


def test_texts_as_characters(script: Script) -> None:
    """The classes ...::UTF8 give characters, the others bytes; both store the same."""
    assert script.shown(
        """
        use esmith::ConfigDB; use esmith::ConfigDB::UTF8; use esmith::AccountsDB::UTF8;
        my $chars = esmith::ConfigDB::UTF8->open('zoo'); my $bytes = esmith::ConfigDB->open('zoo');
        $chars->set_prop('Squid', 'name', "caf\\x{e9}");
        show(length $chars->get_prop('Squid', 'name'), length $bytes->get_prop('Squid', 'name'));
        my ($squid) = grep { $_->key eq 'Squid' } $chars->get_all;
        show(length $squid->prop('name'), length { $chars->get('Squid')->props }->{name});
        """
    ) == ["<4> <5>", "<4> <4>"]


def test_a_refusal_of_the_schema_shows_a_script_what_to_do(script: Script) -> None:
    """The hint is one for a script, not the one for the command line."""
    answer = script.run(
        "use esmith::ConfigDB;\nesmith::ConfigDB->open->set_prop('qpsmtpd', 'DNSBL', 'maybe');\n", status=None
    )
    assert answer.err == (
        "configuration qpsmtpd DNSBL: 'maybe' is not one of enabled, disabled"
        f" (correct the script, or store it with: db --force) at {script.root.path}/script.pl line 2.\n"
    )


def test_giving_out_a_number_is_a_change(script: Script) -> None:
    """What get_all returned before get_next_uid shows the new MinUid afterwards."""
    assert script.shown(
        """
        use esmith::ConfigDB; use esmith::AccountsDB;
        my $c = esmith::ConfigDB->open; $c->set_value('MinUid', 6000000);
        my ($record) = grep { $_->key eq 'MinUid' } $c->get_all;
        show($record->value, esmith::AccountsDB->open->get_next_uid, $record->value);
        """
    ) == ["<6000000> <6000000> <6000001>"]
