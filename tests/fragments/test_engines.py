"""Which engine runs a fragment, and what passes through unchanged."""

from __future__ import annotations

import pytest

from esmith.fragments.engine import choose_engine
from tests.fragments.kit import Trees
from tests.fragments.lookalikes import JINJA, PERL, TEXT, UNCLEAR


@pytest.mark.parametrize("text", JINJA.values(), ids=JINJA.keys())
def test_jinja_marks(text: str) -> None:
    """A fragment that has a mark of Jinja2 is expanded by Jinja2."""
    assert choose_engine(text).engine == "jinja2"


@pytest.mark.parametrize("text", PERL.values(), ids=PERL.keys())
def test_perl_is_recognised(text: str) -> None:
    """A fragment of the original system, with Perl in braces, is taken for Perl: never copied as it is."""
    choice = choose_engine(text)
    assert choice.engine == "perl"
    assert 1 <= choice.line <= text.count("\n") + 1
    assert choice.reason.startswith("has ")


@pytest.mark.parametrize("text", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_what_may_be_either_is_an_error(trees: Trees, text: str) -> None:
    """A fragment with marks of Perl and of Jinja2 is an error that shows how to say which; nothing is guessed."""
    error = trees.mistake(text)
    assert error.place.startswith(f"{trees.fragment}:")
    assert "may be Perl or Jinja2" in error.message
    assert 'engine = { "10a" = "perl" }' in error.hint


@pytest.mark.parametrize("text", UNCLEAR.values(), ids=UNCLEAR.keys())
@pytest.mark.program("Text::Template")
def test_beside_perl_a_mark_of_jinja_alone_is_perl(trees: Trees, text: str) -> None:
    """Beside Perl of the same directory what may be a mistake in Jinja2 is Perl; marks of both stay an error."""
    both = "Jinja2 has" in trees.mistake(text).message
    other = trees.custom("/t/20b", "{ $DomainName }")
    assert "may be Perl" in trees.error("/t").message
    other.unlink()
    trees.standard("/t/20b", "{ $DomainName }")
    if both:
        assert "may be Perl" in trees.error("/t").message
    else:
        assert choose_engine(text, place="beside fragments in Perl").engine == "perl"


@pytest.mark.program("Text::Template")
def test_beside_perl_braces_are_perl(trees: Trees) -> None:
    """Beside Perl of the same directory a brace without a sign of Perl is Perl; without it, and with shipped, text."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", "a { x }\n")
    assert trees.text("/t") == "a { x }\n"
    trees.standard("/t/20b", "{ $DomainName }")
    assert trees.text("/t") == "a x\nexample.com"


@pytest.mark.program("Text::Template")
def test_escaped_braces_are_perl(trees: Trees) -> None:
    """Braces with a backslash, and no others, are those of the original: the backslash is taken away."""
    assert trees.expand("/var/log/x \\{\n  weekly\n\\}\n") == "/var/log/x {\n  weekly\n}\n"


def test_escaped_braces_beside_others_are_an_error(trees: Trees) -> None:
    """Braces with and without a backslash and no sign of Perl: the error shows how to say which it is."""
    error = trees.mistake("x\ny \\{ a \\} { b }\n")
    assert error.place == f"{trees.fragment}:2"
    assert "may be Perl or plain text: has \\{" in error.message
    assert 'engine = { "10a" = "perl" }' in error.hint


@pytest.mark.program("Text::Template")
def test_a_wrong_guess_can_be_corrected(trees: Trees) -> None:
    """When what was taken for Perl is broken, the error shows why it was, and how to say that it is plain text."""
    text = "set ports { $ports }\nset more { $x + }\n"
    error = trees.mistake(text)
    assert error.place == f"{trees.fragment}:2"
    assert "taken for Perl, as it has '$ports' in braces" in error.hint
    assert 'engine = { "10a" = "text" }' in error.hint
    trees.standard("/t/template.toml", 'engine = { "10a" = "text" }\n')
    assert trees.text("/t") == text


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT.keys())
def test_plain_text_is_copied(trees: Trees, text: str) -> None:
    """What only looks a little like a template is copied to the byte."""
    assert trees.expand(text) == text
    engines = {choice.engine for fragment, choice in trees.render("/t").engines if fragment.name == "10a"}
    assert engines == {"text"}


@pytest.mark.parametrize(
    "data",
    ["Grüße\n".encode("latin-1"), bytes(range(256)), b"\xff\xfe", b"no newline at the end", b"\r\n\r", b"\0"],
    ids=["latin-1", "every byte", "no UTF-8", "no newline", "carriage returns", "NUL"],
)
def test_plain_text_passes_byte_for_byte(trees: Trees, data: bytes) -> None:
    """Plain text may be of any encoding: its bytes are the output."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", data)
    trees.standard("/single", data)
    assert trees.render("/t").content == data
    assert trees.render("/single").content == data


def test_jinja_text_has_to_be_utf_8(trees: Trees) -> None:
    """A Jinja2 fragment of another encoding is an error that names the line."""
    place = trees.standard("/t/10a", "{{ DomainName }}\nGrüße\n".encode("latin-1"))
    error = trees.error("/t")
    assert error.place == f"{place}:2"
    assert "UTF-8" in error.message


def test_utf_8_in_jinja(trees: Trees) -> None:
    """Text beyond ASCII stands in fragments and in values alike."""
    trees.snapshot.contents["configuration"]["Name"] = ("Zoë €", {})
    assert trees.expand("Grüße, {{ Name }}\n") == "Grüße, Zoë €\n"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('engine = "text"', "{{ DomainName }}{ $DomainName }"),
        ('engine = { 10a = "text" }', "{{ DomainName }}{ $DomainName }"),
        ('engine = { 99z = "text" }', None),
        ("", None),
    ],
    ids=["for all", "for this fragment", "for another", "not set"],
)
def test_the_metadata_overrides_the_guess(trees: Trees, metadata: str, expected: str | None) -> None:
    """``engine`` in template.toml, for all fragments or for one, goes before the guess, and the choice says so."""
    toml = trees.standard("/t/template.toml", f"{metadata}\n")
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", "{{ DomainName }}{ $DomainName }")
    if expected is None:
        assert "may be Perl or Jinja2" in trees.error("/t").message
        return
    assert trees.text("/t") == expected
    choice = {fragment.name: choice for fragment, choice in trees.render("/t").engines}["10a"]
    assert (choice.engine, choice.reason) == ("text", f"set in {toml}")


def test_jinja_may_be_demanded(trees: Trees) -> None:
    """A fragment without a mark is run by Jinja2 when the metadata says so, which keeps its text."""
    trees.standard("/t/template.toml", 'engine = "jinja2"\n')
    assert trees.expand("body { color: red }\n") == "body { color: red }\n"
    assert {choice.engine for _, choice in trees.render("/t").engines} == {"jinja2"}
