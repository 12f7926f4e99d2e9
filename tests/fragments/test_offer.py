"""What a template offers to its Perl fragments, and what it says that nobody sets."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Trees

pytestmark = pytest.mark.program("Text::Template")

OFFER = """
[perl-variables]
'$host' = "\\"$SystemName.$DomainName\\""
'@names' = "sort map { $_->key } $DB->get_all_by_prop(type => 'service')"
'%props' = "(a => 1, b => $SystemName)"
'&shout' = "sub { uc $_[0] }"
'$inner' = '''esmith::templates::processTemplate({ TEMPLATE_PATH => '/inner', OUTPUT_TYPE => 'string' })'''
"""


def _offer(trees: Trees, text: str) -> None:
    trees.standard("/t/template-begin")
    trees.standard("/t/template.toml", text)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("{ $host }", "mail.example.com"),
        ("{ join ',', @names }", "httpd-admin,qpsmtpd"),
        ("{ $names[0] }{ $#names }", "httpd-admin1"),
        ("{ $props{b} }{ join ',', sort keys %props }", "maila,b"),
        ("{ shout('x') }{ &shout('y') }", "XY"),
        ('{ "in $host" }', "in mail.example.com"),
        ("{ $inner }", "inside example.com"),
        ("{ $host = 'mine'; $host }", "mine"),
        ("{ my $host = 'mine'; $host }", "mine"),
        ("{ $nothing }{ $nothing{x} }{ @nothing }", "0"),
    ],
)
def test_an_offered_name_has_its_value(trees: Trees, fragment: str, expected: str) -> None:
    """A Perl fragment finds the variables and functions of its template; what nobody sets is empty, as before."""
    _offer(trees, OFFER)
    trees.standard("/inner", "inside {{ DomainName }}")
    assert trees.expand(fragment) == expected


def test_an_offered_name_is_set_once(trees: Trees) -> None:
    """What a fragment makes of an offered variable stays for the later fragments of the template."""
    _offer(trees, OFFER)
    trees.standard("/t/20b", "{ push @names, 'more'; $host .= '!'; '' }")
    trees.standard("/t/30c", '{ "$host @names" }')
    trees.standard("/t/15a", "{{ DomainName }} ")
    assert trees.text("/t") == "example.com mail.example.com! httpd-admin qpsmtpd more"


def test_a_record_is_not_hidden(trees: Trees) -> None:
    """Jinja2 fragments, and the records that Perl fragments have, are as they are without the table."""
    _offer(trees, OFFER)
    trees.standard("/t/20b", "{ $DomainName }{ $qpsmtpd{LogLevel} }")
    trees.standard("/t/30c", "{{ DomainName }}{{ host or 'no host' }}")
    assert trees.text("/t") == "example.com6example.comno host"


def test_what_an_offered_name_reads_is_recorded(trees: Trees) -> None:
    """What the expression of an offered name reads counts as read by the output; without the name nothing is."""
    _offer(trees, "[perl-variables]\n'$level' = '$qpsmtpd{LogLevel}'\n")
    trees.standard("/t/20b", "{ $level }")
    assert ("configuration", "qpsmtpd", "LogLevel") in trees.render("/t").reads.props
    trees.standard("/t/20b", "{ $DomainName }")
    assert ("configuration", "qpsmtpd", "LogLevel") not in trees.render("/t").reads.props


def test_a_broken_expression_is_an_error(trees: Trees) -> None:
    """An expression that dies or does not compile is an error that names the file it stands in."""
    toml = trees.standard("/t/template.toml", "[perl-variables]\n'$host' = \"die 'no host'\"\n'@names' = '1 +'\n")
    error = trees.mistake("{ $host }")
    assert error.place == str(toml)
    assert "no host" in error.message
    error = trees.mistake("{ @names }")
    assert error.place == str(toml)
    assert "syntax error" in error.message


MISSING = 'perl-missing = ["$proto", "@plugins", "%extra", "&extend"]\n'


@pytest.mark.parametrize(
    ("fragment", "name"),
    [
        ("x\n{ $proto }", "$proto"),
        ("x\n{ $proto .= ' sieve'; '' }", "$proto"),
        ("x\n{ push @plugins, 'acl'; '' }", "@plugins"),
        ("x\n{ $plugins[0] }", "@plugins"),
        ("x\n{ foreach my $one (@plugins) { $OUT .= $one } }", "@plugins"),
        ("x\n{ $extra{x} }", "%extra"),
        ("x\n{ eval { push @plugins, 'acl' }; '' }", "@plugins"),
        ("x\n{ keys %extra }", "%extra"),
        ("x\n{ extend('x') }", "&extend"),
    ],
)
def test_a_missing_name_is_an_error(trees: Trees, fragment: str, name: str) -> None:
    """To use what the original's fragments set and nobody sets here is an error with the name and the line."""
    _offer(trees, MISSING)
    error = trees.mistake(fragment)
    assert error.place == f"{trees.fragment}:2"
    assert f"{name} is set by fragments of the original and by none here" in error.message
    assert "set it" in error.hint


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("{ $proto = 'x'; $proto .= 'y'; $proto }", "xy"),
        ("{ my $proto = 'x'; $proto }", "x"),
        ("{ @plugins = (); push @plugins, 'a', 'b'; \"@plugins\" }", "a b"),
        ("{ @plugins = ('a', 'b'); shift @plugins; scalar @plugins }", "1"),
        ("{ %extra = (a => 1); $extra{b} = 2; join ',', sort keys %extra }", "a,b"),
        ("{ $OUT = <<'EOT';\n$proto @plugins\nEOT\n}", "$proto @plugins\n"),
        ("{ 'a $proto of @plugins' }", "a $proto of @plugins"),
        ("# $proto\n", "# $proto\n"),
    ],
)
def test_a_fragment_may_set_a_missing_name(trees: Trees, fragment: str, expected: str) -> None:
    """A fragment that sets such a name itself, or only writes it, has no error; nor has one with the plain text."""
    _offer(trees, MISSING)
    assert trees.expand(fragment) == expected


def test_a_name_is_checked(trees: Trees) -> None:
    """A name without its sign is refused, with the file."""
    for text in ("[perl-variables]\ndomains = '1'\n", 'perl-missing = ["domains"]\n'):
        toml = trees.standard("/t/template.toml", text)
        error = trees.mistake("x")
        assert error.place == str(toml)
        assert "'domains' is no name of Perl" in error.message
