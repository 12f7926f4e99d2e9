"""Of a Perl fragment the settings of a line are those that its block read; what earlier blocks read is named apart."""

from __future__ import annotations

import pytest

from esmith.errors import TemplateError
from tests.explain.kit import explained, made, origins, settings
from tests.fragments.kit import Trees

pytestmark = pytest.mark.program("Text::Template")

DNSBL, LEVEL = "configuration qpsmtpd DNSBL", "configuration qpsmtpd LogLevel"


def _earlier(trees: Trees, line: int) -> list[str]:
    (maker,) = explained(trees, "/t", line)["makers"]
    return [f"{one['key']} {one['property']}" for one in (maker["earlier"] or {"settings": []})["settings"]]


def test_the_settings_are_those_of_the_block(trees: Trees) -> None:
    """A text between blocks has no setting, a line of a block those that the block reads, and none of other blocks."""
    trees.standard("/t/10a", "a\n{ $qpsmtpd{'DNSBL'} }\nb { $qpsmtpd{'LogLevel'} } { $qpsmtpd{'DNSBL'} }\nc\n")
    trees.standard("/t/20b", "{ 'own' }\n")
    assert settings(trees) == [[], [DNSBL], [DNSBL, LEVEL], [], []]


def test_what_a_block_gave_nothing_for(trees: Trees) -> None:
    """A block that gives nothing decides on the rest of its line, also at its beginning, and not on the line after."""
    trees.standard("/t/10a", "{ $qpsmtpd{'DNSBL'}; '' }a\nb\n{ $qpsmtpd{'LogLevel'}; '' }")
    trees.standard("/t/20b", "c\n")
    assert settings(trees) == [[DNSBL], [], []]
    assert [list(names) for _, names in origins(trees)] == [["10a"], ["10a"], ["20b"]]


def test_the_lines_are_those_of_the_block(trees: Trees) -> None:
    """A line of a text is certain, one of a block where it stands there once; else all of the block are named."""
    trees.standard("/t/10a", "twice\n{ '' }{\n$OUT .= <<E;\nhere\nE\n$OUT .= 'ma' . 'de'; }\n\ntwice \\{\n")
    lines = [(line, names["10a"]) for line, names in origins(trees)]
    assert lines == [
        ("twice\n", [1]),
        ("here\n", [4]),
        ("made\n", [2, 3, 4, 5, 6]),
        ("\n", [7]),
        ("twice {\n", [8]),
    ]


def test_what_was_read_earlier_is_named_apart(trees: Trees) -> None:
    """What earlier blocks of the fragment read may be in a variable of a later one: it is named as not certain."""
    trees.standard("/t/10a", "{ our $kept = $qpsmtpd{'DNSBL'}; '' }\n{ $kept . $qpsmtpd{'LogLevel'} }\nx\n")
    trees.standard("/t/20b", "{ 'y' }\n")
    assert settings(trees) == [[DNSBL], [LEVEL], [], []]
    assert [_earlier(trees, line) for line in (1, 2, 3, 4)] == [[], ["qpsmtpd DNSBL"], [], []]


def test_a_setting_read_twice_is_of_both_blocks(trees: Trees) -> None:
    """What two blocks read, of variables or of the databases, decides on the lines of both."""
    both = "my $db = esmith::ConfigDB->open_ro; $db->get_prop('qpsmtpd', 'LogLevel') . $qpsmtpd{'DNSBL'}"
    trees.standard("/t/10a", f"{{ {both} }}\n{{ {both} }}\n")
    first, second = settings(trees)
    assert first == second
    assert {DNSBL, LEVEL} <= set(first)


def test_a_template_inside_is_of_its_block(trees: Trees) -> None:
    """What a template inside reads decides on the lines of the block that expands it, and not on those before."""
    trees.standard("/inner/10a", "{ $qpsmtpd{'DNSBL'} }-{ $qpsmtpd{'LogLevel'} }")
    inner = "esmith::templates::processTemplate({TEMPLATE_PATH => '/inner', OUTPUT_TYPE => 'string'})"
    trees.standard("/t/10a", f"{{ 'a' }}\n{{ {inner} }}\n{{ 'b' }}\n")
    assert settings(trees) == [[], [DNSBL, LEVEL], []]


def test_what_it_is_offered_was_read_earlier(trees: Trees) -> None:
    """A setting that is read for a variable of the metadata is none of a block, and may have a part in its lines."""
    trees.standard("/t/template.toml", "[perl-variables]\n'$given' = '$qpsmtpd{DNSBL}'\n")
    trees.standard("/t/10a", "{ $given }\n")
    assert settings(trees) == [[]]
    assert _earlier(trees, 1) == ["qpsmtpd DNSBL"]


def test_bytes_stay_what_they_are(trees: Trees) -> None:
    """Texts with characters, with bytes that are no UTF-8, and without an end are the lines of the output."""
    place = trees.standard("/t/10a", "")
    place.write_bytes(b"\xff\xe9 { chr(0xe9) }\n{ \"\\x{20ac}\\n\\n\" }\\\\{ 'z' }")
    lines = made(trees)
    assert lines is not None
    assert b"".join(line.text for line in lines).decode("latin-1").startswith("\xff\xe9 \xe9\n")
    assert lines[1].text == "€\n".encode()


def test_a_fragment_that_speaks_for_perl(trees: Trees) -> None:
    """A fragment that sends parts of its own is refused where they are none, else nothing is known of its blocks."""
    trees.standard("/t/10a", "{ $esmith::backend::CALL->('part', 'TEXT', 'x'); '' }\n")
    with pytest.raises(TemplateError, match="asks the engine for something"):
        made(trees)
    trees.standard("/t/10a", "{ $esmith::backend::CALL->('part', 'PROG', 1, 1, 'forged'); 'a' }\n")
    assert [names["10a"] for _, names in origins(trees)] == [[]]
