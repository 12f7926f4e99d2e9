"""Records of odd shapes, and calls on them: what they give is what the original documents."""

from __future__ import annotations

import pytest

from tests.perl.kit import Script

pytestmark = pytest.mark.program("perl")

#: A flat file as a person or a script of the original leaves it.
FILE = "only=|a|1\nempty=\nT=t|type|x|c|a,b\n0=zero\nbare\nlist=t|c|b\\|c,d|e|\n"
#: What each record is: its type, its value, how many properties, and these; the type is one of them.
SHAPES = {
    "only": "<> <> <2> <a=1> <type=>",
    "empty": "<> <> <1> <type=>",
    "T": "<t> <t> <2> <c=a,b> <type=t>",
    "0": "<zero> <zero> <1> <type=zero>",
    "bare": "<> <> <1> <type=>",
    "list": "<t> <t> <3> <c=b|c,d> <e=> <type=t>",
}
OPEN = """
    use esmith::DB::db; use esmith::ConfigDB; use esmith::config; use esmith::db;
    my $db = esmith::DB::db->open("$ENV{ESMITH_ROOT}/odd") or die esmith::DB->error;
"""


@pytest.fixture
def odd(script: Script) -> Script:
    """Return a root with such a file."""
    script.root.write("/odd", FILE)
    return script


@pytest.mark.parametrize(("key", "shape"), SHAPES.items())
def test_each_shape(odd: Script, key: str, shape: str) -> None:
    """A record without a type has an empty one; a property that is called type does not hide the type."""
    look = f"""
        my $r = $db->get('{key}'); my %p = $r->props;
        show($r->prop('type'), $r->value, scalar $r->props, map {{ "$_=$p{{$_}}" }} sort keys %p);
    """
    assert odd.shown(OPEN + look) == [shape]


def test_found_by_several_properties(odd: Script) -> None:
    """Each of several has to fit, one item of a list is enough, and an empty value fits an empty property."""
    code = """
        sub found { show(map { $_->key } $db->get_all_by_prop(@_)) }
        found(c => 'b', type => 't'); found(c => 'd'); found(type => 't', c => 'a'); found(c => 'x');
        found(e => ''); found(type => ''); found(nosuch => '');
    """
    assert odd.shown(OPEN + code) == ["<T>", "<list>", "<T>", "", "<list>", "<bare> <empty> <only>", ""]


def test_a_record_that_exists_is_not_made(odd: Script) -> None:
    """new_record of an existing key gives nothing and changes nothing; without a type it makes an empty one."""
    code = """
        show(scalar $db->new_record('T', { type => 'other', c => 'z' }), $db->get_prop('T', 'c'), $db->get_value('T'));
        show(scalar(my @none = $db->new_record('empty', { a => 1 })), $db->get_prop('empty', 'a'));
        my $made = $db->new_record('made', { a => 1 }); show($made->prop('type'), $made->prop('a'), $made->value);
    """
    assert odd.shown(OPEN + code) == ["undef <a,b> <t>", "<0> undef", "<> <1> <>"]
    assert "made=|a|1\n" in odd.root.read("/odd")


def test_values_and_their_warnings(odd: Script) -> None:
    """value and set_value of any database take the type as it is; those of the configuration warn of properties."""
    code = """
        my @w; local $SIG{__WARN__} = sub { push @w, $_[0] =~ /^(\\w+\\(\\))/ };
        $db->get('T')->set_value('u'); show($db->get('T')->value, $db->get('T')->prop('c'), scalar @w);
        my $c = esmith::ConfigDB->open("$ENV{ESMITH_ROOT}/odd");
        $c->get('T')->set_value('v'); show($c->get('T')->value, $c->get('0')->value, $c->get_value('T'), @w);
    """
    assert odd.shown(OPEN + code) == ["<u> <a,b> <0>", "<v> <zero> <v> <set_value()> <value()>"]


def test_the_tied_hash_has_the_lines(odd: Script) -> None:
    """A tied hash gives the lines, properties in byte order; the functions on it take them apart."""
    code = """
        tie my %h, 'esmith::config', "$ENV{ESMITH_ROOT}/odd";
        show(@h{qw(only empty T 0 list nosuch)}); show(map { exists $h{$_} ? 1 : 0 } qw(empty nosuch 0));
        show(db_get(\\%h, 'only')); my %p = db_get_prop(\\%h, 'T');
        show(map { ($_, $p{$_}) } sort keys %p); show(db_get_prop(\\%h, 'T', 'type'));
        show(db_get_type(\\%h, 'only'), db_get_type(\\%h, 'nosuch'), db_get_prop(\\%h, 'nosuch', 'a'));
        show(db_set(\\%h, 'raw', 'type|p|1'), db_get_prop(\\%h, 'raw', 'p'), tied(%h)->filename =~ m{/odd$});
    """
    assert odd.shown(OPEN + code) == [
        "<|a|1> <> <t|c|a,b|type|x> <zero> <t|c|b\\|c,d|e|> undef",
        "<1> <0> <1>",
        "<> <a> <1>",
        "<c> <a,b> <type> <x>",
        "<x>",
        "<> undef undef",
        "<1> <1> <1>",
    ]


def test_defaults_of_a_record(odd: Script) -> None:
    """record_has_defaults looks for directories of defaults and force, also those that the variable names."""
    for place in ("/etc/e-smith/db/configuration/defaults/farm", "/etc/e-smith/db/configuration/force/barn"):
        odd.root.file(place).mkdir(parents=True)
    odd.root.file("/mine/configuration/force/hut").mkdir(parents=True)
    code = """
        my $c = esmith::ConfigDB->open;
        show(map { $c->record_has_defaults($_) } qw(farm barn hut nosuch));
        $ENV{ESMITH_DB_DEFAULTSDIR} = "$ENV{ESMITH_ROOT}/mine";
        show(map { $c->record_has_defaults($_) } qw(farm hut));
    """
    assert odd.shown(OPEN + code) == ["<1> <1> undef undef", "undef <1>"]


def test_a_long_name_stands_out(odd: Script) -> None:
    """show aligns names to the right in forty columns; a longer name takes its length."""
    name = "n" * 45
    code = f"$db->new_record('long', {{ type => 't', {name} => 1 }}); print $db->get('long')->show;"
    assert odd.shown(OPEN + code) == ["long", f"  {name} = 1", f"  {'type':>40} = t"]


def test_the_variable_names_the_database(odd: Script) -> None:
    """ESMITH_CONFIG_DB is for scripts that name no database: a name, or the path of a file."""
    code = """
        $ENV{ESMITH_CONFIG_DB} = "$ENV{ESMITH_ROOT}/odd";
        my $c = esmith::ConfigDB->open; show($c->get_value(0)); tie my %h, 'esmith::config'; show($h{0});
        $ENV{ESMITH_CONFIG_DB} = 'zoo'; show(esmith::ConfigDB->open_ro->file, esmith::ConfigDB->open('zoo')->file);
        show(esmith::ConfigDB->open('configuration')->get_value('DomainName'));
    """
    assert odd.shown(OPEN + code) == [
        "<zero>",
        "<zero>",
        "</home/e-smith/db/zoo> </home/e-smith/db/zoo>",
        "<example.com>",
    ]


def test_an_event_that_does_not_exist(script: Script) -> None:
    """event_signal dies of it, as in the original, with the line of the script."""
    answer = script.run("use esmith::event;\nevent_signal('nosuchevent');", status=None)
    assert "Can't open directory " in answer.err
    assert "/etc/e-smith/events/nosuchevent at " in answer.err
    assert "script.pl line 2." in answer.err
