"""esmith::config and esmith::db, the older interface: records as lines (docs/original.md#records-in-perl)."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

TIE = "use esmith::config; use esmith::db; tie my %zoo, 'esmith::config', 'zoo';\n"


def test_a_database_is_a_hash_of_lines(script: Script) -> None:
    """Reading, existence and the keys of a tied database; a missing key is undef."""
    assert script.shown(
        TIE
        + """
        show($zoo{Foo}, $zoo{Squid}, $zoo{nothing}, exists $zoo{Foo} ? 1 : 0, exists $zoo{nothing} ? 1 : 0);
        show(keys %zoo); show(scalar %zoo ? 'some' : 'none');
        show(tied(%zoo)->filename);
        tie my %config, 'esmith::config'; show($config{DomainName});
        tie my %old, 'esmith::config', '/home/e-smith/configuration'; show($old{DomainName});
        $ENV{ESMITH_CONFIG_DB} = 'zoo'; tie my %other, 'esmith::config'; show($other{Foo});
        """
    ) == [
        "<Bar> <cephalopod|arms|10|species|Loligo> undef <1> <0>",
        "<Foo> <Octopus> <Squid>",
        "<some>",
        "<zoo>",
        "<example.com>",
        "<example.com>",
        "<Bar>",
    ]


def test_assigning_a_line_writes_the_record(script: Script) -> None:
    """An assignment replaces the whole record at once, blanks around it taken away; delete returns the line."""
    assert script.shown(
        TIE
        + """
        $zoo{Squid} = ' fish|fins|4 '; $zoo{New} = 'value';
        show($zoo{Squid}, delete $zoo{Foo}, exists $zoo{Foo} ? 1 : 0, delete $zoo{Foo});
        """
    ) == ["<fish|fins|4> <Bar> <0> undef"]
    assert script.root.db("zoo", "print").out.splitlines()[0] == "New=value"
    assert script.root.db("zoo", "get", "Squid").out == "fish|fins|4\n"
    assert "script.pl" in script.root.esmith("history", "--limit", "1").out


def test_a_database_is_made_by_the_first_write(script: Script) -> None:
    """Tying a database that does not exist makes nothing; writing does; emptying deletes every record."""
    assert script.shown(
        """
        use esmith::config; tie my %new, 'esmith::config', 'brandnew';
        show(keys %new); $new{a} = 'b'; $new{c} = 'd|e|f'; show(%new); %new = (); show(keys %new);
        """
    ) == ["", "<a> <b> <c> <d|e|f>", ""]


def test_the_database_may_change_within_a_loop(script: Script) -> None:
    """A loop over the keys goes over those of its beginning."""
    assert script.shown(TIE + 'for my $key (keys %zoo) { $zoo{"x$key"} = delete $zoo{$key} } show(keys %zoo);') == [
        "<xFoo> <xOctopus> <xSquid>"
    ]


def test_bars_are_escaped_in_lines(script: Script) -> None:
    """In a line a bar of a value has a backslash; it is stored without, and the object interface shows none."""
    script.root.db("zoo", "setprop", "Squid", "a", "x|y")
    assert script.shown(
        TIE
        + """
        show($zoo{Squid}, db_get_prop(\\%zoo, 'Squid', 'a'));
        $zoo{Squid} = $zoo{Squid}; $zoo{N} = 't|p|1\\\\|2|q|3'; db_set_prop(\\%zoo, 'Squid', 'b', '3\\\\|4');
        use esmith::DB::db; my $db = esmith::DB::db->open('zoo');
        show(map { $db->get_prop(@$_) } ['Squid', 'a'], ['Squid', 'b'], ['N', 'p'], ['N', 'q']);
        """
    ) == ["<cephalopod|a|x\\|y|arms|10|species|Loligo> <x\\|y>", "<x|y> <3|4> <1|2> <3>"]
    assert script.root.db("zoo", "getprop", "Squid", "a").out == "x|y\n"


def test_a_record_without_a_type_is_warned_of(script: Script) -> None:
    """A line that begins with a bar is stored, with the original's warning."""
    answer = script.run(TIE + "$zoo{k} = '|a|1';")
    assert "You should not set a config record without a type (key was k)" in answer.err
    assert script.root.db("zoo", "getprop", "k", "a").out == "1\n"


def test_a_value_with_a_bar_is_stored_as_it_is(script: Script) -> None:
    """db_set with properties takes a bar in a value for a part of it, not for the end of the property."""
    code = "db_set(\\%zoo, 'N', 'fish', { status => 'enabled', where => 'a|b' }); show($zoo{N});"
    code += " my %p = db_get_prop(\\%zoo, 'N'); show(map { \"$_=$p{$_}\" } sort keys %p);"
    assert script.shown(TIE + code) == ["<fish|status|enabled|where|a\\|b>", "<status=enabled> <where=a\\|b>"]


def test_functions_on_a_tied_hash(script: Script) -> None:
    """db_get, db_set and their like return what the original's return, in both contexts."""
    assert script.shown(
        TIE
        + """
        show(db_get(\\%zoo)); show(scalar db_get(\\%zoo, 'Squid')); show(db_get(\\%zoo, 'Squid'));
        show(scalar db_get(\\%zoo, 'x'), db_get_type(\\%zoo, 'Squid'), db_get_type(\\%zoo, 'x'));
        show(db_get_prop(\\%zoo, 'Squid', 'arms'), db_get_prop(\\%zoo, 'Squid', 'x'), db_get_prop(\\%zoo, 'x', 'y'));
        my %p = db_get_prop(\\%zoo, 'Squid'); show(map { "$_=$p{$_}" } sort keys %p); show(db_get_prop(\\%zoo, 'x'));
        show(db_set(\\%zoo, 'N', 'fish', { fins => 4, name => undef }));
        show(db_set(\\%zoo, 'M', 'raw|a|1'), db_set(\\%zoo, "a\\nb", 'x'));
        show($zoo{N}, $zoo{M});
        show(db_set_type(\\%zoo, 'N', 'bird'), db_set_prop(\\%zoo, 'N', 'fins', 2));
        show(db_set_prop(\\%zoo, 'x', 'a', 1), $zoo{N});
        show(db_delete_prop(\\%zoo, 'N', 'fins'), db_delete_prop(\\%zoo, 'x', 'fins'), $zoo{N});
        show(db_delete(\\%zoo, 'N'), db_delete(\\%zoo, 'N'), $zoo{N});
        """
    ) == [
        "<Foo> <Octopus> <Squid>",
        "<cephalopod|arms|10|species|Loligo>",
        "<cephalopod> <arms> <10> <species> <Loligo>",
        "undef <cephalopod> undef",
        "<10> undef undef",
        "<arms=10> <species=Loligo>",
        "",
        "<1>",
        "<1> undef",
        "<fish|fins|4|name|> <raw|a|1>",
        "<1> <1>",
        "undef <bird|fins|2|name|>",
        "<1> undef <bird|name|>",
        "<1> undef undef",
    ]


def test_functions_on_a_plain_hash(script: Script) -> None:
    """The same functions work on a hash that is tied to nothing."""
    assert script.shown(
        """
        use esmith::db; my %h = (Squid => 'fish|arms|10');
        show(db_set_prop(\\%h, 'Squid', 'a', 1), db_set_type(\\%h, 'Squid', 'x'));
        show(db_delete_prop(\\%h, 'Squid', 'arms'));
        show($h{Squid}); show(db_delete(\\%h, 'Squid'), %h);
        """
    ) == ["<1> <1>", "<1>", "<x|a|1>", "<1>"]


def test_printing(script: Script) -> None:
    """db_print, db_show, db_print_type and db_print_prop print what the commands of db print."""
    for function, verb in (("db_print", "print"), ("db_show", "show"), ("db_print_type", "printtype")):
        for words in ([], ["Squid"]):
            given = "".join(f", '{word}'" for word in words)
            assert script.run(TIE + f"{function}(\\%zoo{given});").out == script.root.db("zoo", verb, *words).out
    assert script.run(TIE + "db_print_prop(\\%zoo, 'Squid');").out == "arms=10\nspecies=Loligo\n"
    assert script.run(TIE + "db_print_prop(\\%zoo, 'Squid', 'arms'); show(db_print_prop(\\%zoo, 'x', 'y'));").out == (
        "arms=10\nundef\n"
    )


def test_the_functions_as_methods(script: Script) -> None:
    """esmith::db->open gives the functions without the hash."""
    assert script.shown(
        """
        use esmith::db; my $db = esmith::db->open('zoo');
        show($db->get_prop('Squid', 'arms'), $db->set_prop('Squid', 'arms', 9));
        show($db->get_type('Squid'), scalar $db->get('Foo'));
        show($db->get); $db->close;
        """
    ) == ["<10> <1>", "<cephalopod> <Bar>", "<Foo> <Octopus> <Squid>"]
