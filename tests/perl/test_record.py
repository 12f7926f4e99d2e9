"""esmith::DB::db::Record: what each method takes and returns (docs/original.md#records-in-perl)."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

SQUID = "use esmith::DB::db; my $db = esmith::DB::db->open('zoo'); my $squid = $db->get('Squid');\n"


def test_properties(script: Script) -> None:
    """prop and props count the type as a property; a missing one is undef; scalar props is their number."""
    assert script.shown(
        SQUID
        + """
        my %props = $squid->props;
        show(map { "$_=$props{$_}" } sort keys %props);
        show($squid->key, $squid->prop('arms'), $squid->prop('type'), $squid->prop('x'));
        show($squid->value, scalar $squid->props);
        """
    ) == ["<arms=10> <species=Loligo> <type=cephalopod>", "<Squid> <10> <cephalopod> undef", "<cephalopod> <3>"]


def test_setting_properties(script: Script) -> None:
    """set_prop sets one property, or the type; undef is stored as an empty text; they return true."""
    assert script.shown(
        SQUID
        + """
        show($squid->set_prop('arms', 1000), $squid->prop('arms'));
        show($squid->set_prop('type', 'tree dweller'), $squid->prop('type'));
        show($squid->set_prop('empty', undef), $squid->prop('empty'), $squid->set_value('fish'), $squid->value);
        """
    ) == ["<1> <1000>", "<1> <tree dweller>", "<1> <> <1> <fish>"]
    assert script.root.db("zoo", "get", "Squid").out == "fish|arms|1000|empty||species|Loligo\n"


def test_merging_keeps_and_resetting_replaces(script: Script) -> None:
    """merge_props keeps other properties, reset_props leaves only what it is given, the type among them."""
    assert script.shown(
        SQUID
        + """
        show($squid->merge_props(arms => '8 + 2i', name => 'Fluffy'), $squid->merge_props(type => 'foo'));
        my %p = $squid->props; show(map { "$_=$p{$_}" } sort keys %p);
        show($squid->reset_props(arms => 8, type => 'bar'));
        %p = $squid->props; show(map { "$_=$p{$_}" } sort keys %p);
        """
    ) == ["<1> <1>", "<arms=8 + 2i> <name=Fluffy> <species=Loligo> <type=foo>", "<1>", "<arms=8> <type=bar>"]


def test_each_change_is_one_revision(script: Script) -> None:
    """What one call changes lands together: one entry of the journal, by the script's name."""
    script.run(SQUID + "$squid->merge_props(type => 'fish', arms => 0, fins => 4);")
    entry = script.root.esmith("history", "--limit", "1").out
    assert "script.pl" in entry
    assert [part in entry for part in ("arms: 10 -> 0", "fins: (none) -> 4", "Squid: cephalopod -> fish")] == [True] * 3


def test_resetting_needs_a_type(script: Script) -> None:
    """reset_props without a type dies, and nothing is changed."""
    answer = script.run(SQUID + "$squid->reset_props(arms => 1);", status=None)
    assert "You must have a type property at" in answer.err
    assert script.root.db("zoo", "getprop", "Squid", "arms").out == "10\n"


def test_hash_references_are_taken_with_a_warning(script: Script) -> None:
    """merge_props and reset_props warn when they get a reference, and do what was meant."""
    answer = script.run(SQUID + "$squid->merge_props({ arms => 1 }); $squid->reset_props({ type => 'x', a => 1 });")
    assert "merge_props() was accidentally passed a hash ref at" in answer.err
    assert "reset_props() was accidentally passed a hash ref at" in answer.err
    assert script.root.db("zoo", "get", "Squid").out == "x|a|1\n"


def test_extra_arguments_of_prop_are_warned_of(script: Script) -> None:
    """prop with a value is the mistake the original warns of, with the line of the script; nothing is set."""
    answer = script.run(SQUID + "show($squid->prop('arms', 5));")
    assert answer.out == "<10>\n"
    assert "prop() got extra arguments '5'" in answer.err
    assert "script.pl line 2." in answer.err


def test_deleting_a_property(script: Script) -> None:
    """delete_prop returns the old value, undef when there was none; the type cannot be deleted."""
    assert script.shown(
        SQUID + "show($squid->delete_prop('species'), $squid->prop('species'), $squid->delete_prop('x'));"
    ) == ["<Loligo> undef undef"]
    answer = script.run(SQUID + "$squid->delete_prop('type');", status=None)
    assert "not allowed to delete a type" in answer.err
    assert script.root.db("zoo", "gettype", "Squid").out == "cephalopod\n"


def test_a_deleted_record_is_gone(script: Script) -> None:
    """delete returns true once; afterwards nothing is read of the record and set_prop returns false."""
    assert script.shown(
        SQUID
        + """
        show($squid->delete, scalar $db->get('Squid'), $squid->prop('arms'));
        show($squid->set_prop('arms', 1), $squid->delete);
        my %p = $squid->props; show(%p);
        """
    ) == ["<1> undef undef", "undef undef", "<type> undef"]
    script.root.db("zoo", "get", "Squid", code=1)


def test_merging_with_a_type_makes_a_deleted_record_again(script: Script) -> None:
    """merge_props and reset_props of a record that is gone make it, when they have a type."""
    assert script.shown(
        SQUID + "$squid->delete; show($squid->merge_props(a => 1), $squid->merge_props(a => 1, type => 'x'));"
    ) == ["undef <1>"]
    assert script.root.db("zoo", "get", "Squid").out == "x|a|1\n"


def test_show(script: Script) -> None:
    """show gives the key and the properties with the type, the names aligned to the right."""
    assert script.run(SQUID + "print $squid->show;").out == (
        "Squid\n     arms = 10\n  species = Loligo\n     type = cephalopod\n"
    )


VALUES = [
    "",
    " both ",
    "a|b",
    "|",
    "x=y",
    "#hash",
    "$x `x` %s @y",
    "'\"",
    "tab\there",
    "end\\",
    "\\\\n and \\n",
    "\u00fc\u00f1\u00ed \u20ac \U0001f600",
    "0",
    "x" * 65536,
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_are_stored_exactly(script: Script, value: str) -> None:
    """Whatever the store can hold goes from Perl to the database and back to the byte, by each way of writing."""
    code = """
        use esmith::DB::db; my $db = esmith::DB::db->open('zoo'); my ($value) = @ARGV;
        $db->get('Squid')->set_prop('a', $value); $db->get('Squid')->merge_props(b => $value);
        $db->set_prop('Squid', 'c', $value); $db->new_record('N', { type => 't', d => $value });
        for ($db->get_prop('Squid', 'a'), $db->get('Squid')->prop('b'), { $db->get('Squid')->props }->{c},
            $db->get('N')->prop('d'), (grep { $_->key eq 'N' } $db->get_all)[0]->prop('d')) {
            print $_ eq $value ? 'same' : "other <$_>", "\\n";
        }
    """
    assert script.shown(code, value) == ["same"] * 5
    for key, prop in (("Squid", "a"), ("Squid", "b"), ("Squid", "c"), ("N", "d")):
        assert script.root.db("zoo", "getprop", key, prop).out == value + "\n"


def test_an_escaped_bar_is_read_as_a_bar(script: Script) -> None:
    """A value that was stored with the original's escape is read without it, and stays as it was stored."""
    script.root.db("zoo", "setprop", "Squid", "pipe", "a\\|b")
    assert script.shown(
        SQUID + "show($squid->prop('pipe'), $db->get_prop('Squid', 'pipe'), { $squid->props }->{pipe});"
    ) == ["<a|b> <a|b> <a|b>"]
    assert script.root.db("zoo", "getprop", "Squid", "pipe").out == "a\\|b\n"


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        ("$squid->set_prop('a', \"x\\ny\")", "cannot contain a newline"),
        ("$squid->merge_props(a => 'fine', b => \"x\\0y\")", "cannot contain a NUL"),
        ("$squid->set_prop('a', \"caf\\xe9\")", "has to be UTF-8"),
        ("$squid->set_prop('a|b', 1)", "cannot contain '|'"),
        ("$squid->set_prop('type', 'a|b')", "a type cannot contain '|'"),
        ("$squid->set_prop('a', 'x' x 65537)", "65537 bytes"),
        ("$squid->set_prop('a', [1])", "not a reference"),
        ("$db->new_record('a=b', { type => 'x' })", "cannot begin or end with a blank"),
        ("$db->new_record('', { type => 'x' })", "cannot be empty"),
    ],
)
def test_what_cannot_be_stored_dies_with_the_reason(script: Script, write: str, reason: str) -> None:
    """A value the store refuses ends the script with the reason and its line, unless it is caught; nothing changes."""
    before = script.root.db("zoo", "print").out
    answer = script.run(SQUID + f"{write};\n", status=None)
    assert reason in answer.err
    assert "script.pl line 2." in answer.err
    assert script.root.db("zoo", "print").out == before
    caught = script.run(SQUID + f"eval {{ {write} }}; show($@ ? 'caught' : 'not'); $squid->set_prop('after', 1);")
    assert caught.out == "<caught>\n"
    assert script.root.db("zoo", "getprop", "Squid", "after").out == "1\n"


def test_the_schema_holds_for_scripts(script: Script) -> None:
    """A value that config would refuse is refused here, too."""
    answer = script.run(
        "use esmith::ConfigDB; esmith::ConfigDB->open->set_prop('qpsmtpd', 'DNSBL', 'maybe');", status=None
    )
    assert "'maybe' is not one of enabled, disabled" in answer.err
    assert script.root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
