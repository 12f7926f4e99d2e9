"""Perl fragments among the others: variables, templates inside templates, what is read, expressions."""

from __future__ import annotations

import pytest

from esmith.errors import TemplateError
from esmith.fragments.perl.engine import Perl
from esmith.fragments.perl.process import PerlProcess
from tests.fragments.kit import Trees

pytestmark = pytest.mark.program("Text::Template")


def test_engines_in_order(trees: Trees) -> None:
    """A template may mix Perl, Jinja2 and plain fragments; they stand in the order of their names."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10perl", '{ $n = 1; "$DomainName\\n" }')
    trees.standard("/t/20jinja", "{{ DomainName }}\n")
    trees.standard("/t/30text", "[ plain ]\n")
    trees.custom("/t/40perl", "{ $n + 1 } { $SystemName }\n")
    assert trees.text("/t") == "example.com\nexample.com\n[ plain ]\n2 mail\n"
    engines = [choice.engine for _, choice in trees.render("/t").engines]
    assert engines == ["text", "perl", "jinja2", "text", "perl"]


def test_one_perl_for_forty_fragments(trees: Trees, perls: list[PerlProcess]) -> None:
    """Forty Perl fragments of one template, and those of other templates of the run, cost one start of perl."""
    for number in range(10, 50):
        trees.standard(f"/t/{number}a", f"{{ $sum += {number}; $DomainName }}\n")
    trees.standard("/t/template-begin")
    trees.standard("/t/60sum", "{ $sum }\n")
    trees.standard("/u", "{ $sum || $SystemName }")
    with trees.renderer() as renderer:
        (first,) = renderer.render("/t")
        (second,) = renderer.render("/u")
        assert len(perls) == 1
    assert first.content == b"example.com\n" * 40 + b"1180\n"
    assert second.content == b"mail"
    assert len(perls) == 1


def test_no_perl_without_need(trees: Trees, perls: list[PerlProcess]) -> None:
    """Without a Perl fragment none is started; an empty or a masked one needs none either."""
    trees.standard("/t/10a", "{{ DomainName }}\n")
    trees.standard("/t/20b", "{ $DomainName }\n")
    trees.custom("/t/20b", "")
    trees.standard("/t/template.toml", 'engine = { 20b = "perl" }\n')
    assert trees.text("/t") == "example.com\n"
    assert perls == []


def test_a_file_for_each_record(trees: Trees, perls: list[PerlProcess]) -> None:
    """With foreach %record holds the record: its properties, its key and its type."""
    trees.standard("/home/{key}/x/template.toml", 'foreach = "accounts:user"\n')
    trees.standard("/home/{key}/x/template-begin")
    trees.standard("/home/{key}/x/10a", '{ "$record{key}\\@$DomainName $record{type} $record{Uid}" }')
    with trees.renderer() as renderer:
        found = {rendering.path: rendering.content for rendering in renderer.render("/home/{key}/x")}
    assert found == {
        "/home/Zoe/x": b"Zoe@example.com user 5002",
        "/home/tom/x": b"tom@example.com user 5001",
    }
    assert len(perls) == 1


def test_variables_of_a_sub_template_of_jinja(trees: Trees) -> None:
    """What template() passes are variables of Perl fragments: texts, numbers, lists, dictionaries and records."""
    trees.standard("/inner", '{ "$port $items[1] $map{a} $user{key}:$user{Uid} [$no] [$yes] [$none]" }\n')
    passed = "port=80, items=['a', 'b'], map={'a': 'x'}, user=db.accounts.tom, no=false, yes=true, none=none"
    assert trees.expand(f"{{{{ template('/inner', {passed}) }}}}") == "80 b x tom:5001 [] [1] []\n"


PROCESS = "use esmith::templates; processTemplate({ TEMPLATE_PATH => '%s', OUTPUT_TYPE => 'string', MORE_DATA => %s })"


def test_templates_inside_perl(trees: Trees, perls: list[PerlProcess]) -> None:
    """processTemplate in a fragment, the VirtualHosts pattern: the same perl expands the other template meanwhile.

    Its Perl fragments get data of any kind, those in Jinja2 the texts; its variables are its own.
    """
    trees.standard("/etc/hosts.d/template-begin")
    trees.standard("/etc/hosts.d/10perl", '{ $mine = 1; "$name: @aliases $opt{x} [$outer]\\n" }')
    trees.standard("/etc/hosts.d/20jinja", "{{ name }} of {{ DomainName }}\n")
    data = "{ name => $_, aliases => [1, 2], opt => { x => 'y' } }"
    fragment = (
        f"{{ $outer = 'o'; foreach (qw(a b)) {{ $OUT .= do {{ {PROCESS % ('/etc/hosts.d', data)} }} }} }}[{{ $mine }}]"
    )
    expected = "".join(f"{name}: 1 2 y []\n{name} of example.com\n" for name in "ab")
    assert trees.expand(fragment) == f"{expected}[]"
    assert trees.render("/t").reads.templates == {"/etc/hosts.d"}
    assert len(perls) == 2


def test_other_directories_and_filters(trees: Trees) -> None:
    """processTemplate in a fragment takes fragments of other directories, and a filter for their lines."""
    for layer, text in (("templates-user", "standard"), ("templates-user-custom", "custom")):
        place = trees.path / f"etc/e-smith/{layer}/.qmail"
        place.mkdir(parents=True)
        (place / f"10{text}").write_text(f'{{ "$who {text}" }}\n\n')
        (place / "20both").write_text(f"{text}\n")
    queue = "[map { \"/etc/e-smith/$_\" } 'templates-user-custom', 'templates-user']"
    options = f"TEMPLATE_EXPAND_QUEUE => {queue}, FILTER => \\&esmith::templates::removeBlankLines"
    call = f"TEMPLATE_PATH => '/.qmail', OUTPUT_TYPE => 'string', MORE_DATA => {{ who => 'x' }}, {options}"
    expected = "x custom\nx standard\ncustom\n"
    assert trees.expand(f"{{ use esmith::templates; processTemplate({{ {call} }}) }}") == expected


def test_deep_nesting(trees: Trees, perls: list[PerlProcess]) -> None:
    """Perl inside Jinja2 inside Perl inside Perl."""
    trees.standard("/a", "a{ " + PROCESS % ("/b", "{ n => 1 }") + " }a")
    trees.standard("/b", "b{ " + PROCESS % ("/c", "{ n => $n + 1 }") + " }b")
    trees.standard("/c", "c{{ template('/d', n=n ~ '3') }}c")
    trees.standard("/d", 'd{ "$n $DomainName" }d')
    assert trees.text("/a") == "abcd23 example.comdcba"
    assert len(perls) == 1


def test_a_broken_template_inside(trees: Trees) -> None:
    """A broken template inside another is the error, with its own place, even when the fragment outside catches it."""
    place = trees.standard("/inner", "fine\n{ die 'broken inside' if $DomainName }\n")
    error = trees.mistake("{ eval { " + PROCESS % ("/inner", "{}") + "}; 'caught' }")
    assert error.place == f"{place}:2"
    assert "broken inside" in error.message
    trees.standard("/inner", "{{ nosuch.value }}")
    assert trees.error("/t").place == f"{place}:1"
    assert "there is no template" in trees.mistake("{ " + PROCESS % ("/nosuch", "{}") + " }").message


def test_a_template_that_expands_itself(trees: Trees) -> None:
    """A template that expands itself without end is an error that says so."""
    error = trees.mistake("{ " + PROCESS % ("/t", "{}") + " }")
    assert "inside one another" in error.message
    assert error.place == trees.fragment


def test_the_order_of_keys_is_the_same_each_time(trees: Trees, perls: list[PerlProcess]) -> None:
    """Hashes keep the order of their keys from one perl to the next, so that no output changes for nothing."""
    trees.snapshot.contents["configuration"]["long"] = ("x", {f"p{number}": "" for number in range(50)})
    trees.standard("/t", "{ my %h = %long; join ',', keys %h, keys %long }")
    assert len({trees.text("/t") for _ in range(3)}) == 1
    assert len(perls) == 3


READS = {
    "a property": ("{ $qpsmtpd{DNSBL} }", {"qpsmtpd DNSBL"}, set()),
    "a property that is missing": ("{ $qpsmtpd{Nosuch} || $OUT }", {"qpsmtpd Nosuch"}, set()),
    "whether it exists": ("{ exists $qpsmtpd{DNSBL} ? 'x$OUT' : '' }", {"qpsmtpd DNSBL"}, set()),
    "the type": ("{ $qpsmtpd{type} }", {"qpsmtpd "}, set()),
    "a value": ("{ $DomainName }", {"DomainName "}, set()),
    "all properties": ("{ my %h = %{'httpd-admin'} }", {"httpd-admin ", "httpd-admin TCPPort"}, set()),
    "a line": ("{ $qpsmtpd }", {"qpsmtpd ", "qpsmtpd DNSBL", "qpsmtpd LogLevel", "qpsmtpd Bcc"}, set()),
    "written only": ("{ $qpsmtpd{New} = 1; $OUT = '' }", set(), set()),
    "asked for": ("{ $DB->get_prop('httpd-admin', 'TCPPort') }", {"httpd-admin TCPPort"}, set()),
    "keys": ("{ my @k = $DB->keys; '' }", set(), {("configuration", "")}),
    "nothing": ("{ my $x = 1; $x }", set(), set()),
}


@pytest.mark.parametrize(("fragment", "props", "listings"), READS.values(), ids=READS.keys())
def test_reads_are_recorded(trees: Trees, fragment: str, props: set[str], listings: set[tuple[str, str]]) -> None:
    """Only what a fragment really read is recorded, with the value it had."""
    trees.expand(fragment)
    reads = trees.render("/t").reads
    assert {f"{key} {prop}" for database, key, prop in reads.props if database == "configuration"} == props
    assert reads.listings == listings
    assert all(trees.snapshot.prop(*cell) == value for cell, value in reads.props.items())


def test_reads_of_other_databases(trees: Trees) -> None:
    """What esmith::AccountsDB reads is recorded, too."""
    trees.expand("{ use esmith::AccountsDB; my $a = esmith::AccountsDB->open_ro; $a->get_prop('tom', 'Uid') }")
    assert trees.render("/t").reads.props["accounts", "tom", "Uid"] == "5001"


EXPRESSIONS = {
    "a number": ("0640", "416"),
    "a text": ('"0640"', "0640"),
    "a record": ("$qpsmtpd{DNSBL} eq 'enabled' ? '0600' : '0644'", "0600"),
    "a variable": ('"$name of $DomainName"', "x of example.com"),
    "a block": ("{ 0644 }", "420"),
    "the database": ("$DB->get_prop('qpsmtpd', 'LogLevel')", "6"),
    "nothing": ("undef", None),
    "a list": ("(1, 2, 3)", "3"),
    "statements": ("my $x = 1; $x + 1", "2"),
}


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_expressions(trees: Trees, perls: list[PerlProcess], expression: str, value: str | None) -> None:
    """A Perl expression outside of fragments, as in metadata, is evaluated with the same variables."""
    perl = Perl(trees.layout, trees.snapshot)
    try:
        assert perl.evaluate(expression, "/etc/PERMS", {"name": "x"}) == value
        assert perl.evaluate("$name", "/etc/PERMS", {}) is None
    finally:
        perl.close()
    assert len(perls) == 1


def test_broken_expressions(trees: Trees, perls: list[PerlProcess]) -> None:
    """A broken expression is an error with its place; the next one is still evaluated."""
    perl = Perl(trees.layout, trees.snapshot)
    try:
        for expression in ("1 +", "die 'no'", "\n nosuch()"):
            with pytest.raises(TemplateError) as caught:
                perl.evaluate(expression, "/etc/PERMS", {})
            assert caught.value.place.startswith("/etc/PERMS:")
        assert caught.value.place == "/etc/PERMS:2"
        assert perl.evaluate("6 * 7", "/etc/PERMS", {}) == "42"
    finally:
        perl.close()
    assert len(perls) == 1


def test_empty_and_falsy_errors(trees: Trees) -> None:
    """A fragment that sets $@ without dying is not broken."""
    assert trees.expand("{ $@ = 'left over'; eval { die 'x' }; $OUT = 'fine' }") == "fine"
