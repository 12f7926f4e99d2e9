"""What is wrong in a Jinja2 fragment is an error with file and line; a value never adds a line to an output."""

from __future__ import annotations

import pytest

from esmith.errors import TemplateError
from tests.fragments.kit import Trees

#: Every mistake stands in the second line of its fragment.
MISTAKES = {
    "no expression": "{% if %}",
    "unknown tag": "{% do x %}",
    "bad escape": r"{{ '\x' }}",
    "unknown filter": "{{ 'x' | nosuch }}",
    "unknown filter by name": "{{ ['a'] | map('nosuch') | join }}",
    "unknown test": "{{ 'x' is nosuch }}",
    "division by zero": "{{ 1 / 0 }}",
    "division in a block": "{% set x %}{{ 1 // 0 }}{% endset %}",
    "text plus number": "{{ 'a' + 1 }}",
    "order of text and number": "{{ ['b', 1] | sort | join }}",
    "number as list": "{% for x in 5 %}{% endfor %}",
    "number as entries": "{{ 5 | entries | join }}",
    "no function": "{{ DomainName() }}",
    "unknown function": "{{ nosuch() }}",
    "wrong argument": "{{ exists(5) }}",
    "missing argument": "{{ warn() }}",
    "no arguments": "{{ cycler() }}",
    "wrong format": "{{ '%d' | format('x') }}",
    "unknown encoding": "{{ ''.encode('no-such') }}",
    "no network": "{{ network_prefixes('x', '255.0.0.0') | join }}",
    "nothing to include": "{% include 'x' %}",
    "nothing to extend": "{% extends 'x' %}",
    "nothing to import": "{% import 'x' as y %}",
    "assignment to an attribute": "{% set a = 1 %}{% set a.b = 1 %}",
    "first of nothing": "{{ [] | first }}",
    "index out of range": "{{ [1][5] }}",
    "unknown attribute": "{{ 'x'.nosuch }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "recursion of templates": "{{ template('/t') }}",
    "no such template": "{{ template('/nosuch') }}",
    "too long": "{{ 'x' * (10 ** 15) }}",
    "far too long": "{{ 'x' * (10 ** 30) }}",
    "deep nesting": "{% for x in [1] %}" * 25 + "{% endfor %}" * 25,
    "printed nothing": "{{ none }}",
    "printed list": "{{ [1] }}",
    "printed table": "{{ {} }}",
    "printed record": "{{ qpsmtpd }}",
    "record in a text": "{{ 'x' ~ qpsmtpd }}",
    "printed database": "{{ db.accounts }}",
    "printed databases": "{{ db }}",
    "printed function": "{{ exists }}",
}


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_names_file_line_and_output(trees: Trees, text: str) -> None:
    """Whatever is wrong in a fragment ends in one error that names the fragment, the line and the output."""
    error = trees.mistake(f"first line\n{text}\nlast line\n")
    assert error.place == f"{trees.fragment}:2"
    assert "/t" in str(error).removeprefix(error.place)
    assert len(str(error).splitlines()) <= 2


@pytest.mark.parametrize("text", ["{{ DomainName", "{% for x in [1] %}", "{# no end", "{% raw %}"])
def test_what_is_not_closed_names_the_line_where_that_shows(trees: Trees, text: str) -> None:
    """An expression, block or comment without an end is reported at the line where something else was expected."""
    error = trees.mistake(f"first line\n{text}\nlast line\n")
    place, _, line = error.place.rpartition(":")
    assert place == trees.fragment
    assert line in ("2", "3", "4")


def test_a_text_no_parser_can_hold_names_the_file(trees: Trees) -> None:
    """An expression nested beyond what can be read is an error that names the fragment, also after another fragment."""
    trees.standard("/t/05", "{{ DomainName }}\n")
    error = trees.mistake("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}\n")
    assert error.place.startswith(trees.fragment)


def test_a_mistake_deep_in_a_macro_names_its_own_line(trees: Trees) -> None:
    """The line is the one where it goes wrong, not the one that called it."""
    text = "{% macro inner(x) %}\n{{ x / 0 }}\n{% endmacro %}\n{{ inner(1) }}\n"
    assert trees.mistake(text).place == f"{trees.fragment}:2"


def test_a_mistake_in_an_included_template_names_its_own_fragment(trees: Trees) -> None:
    """A mistake in a template that another includes is reported where it is, with the output it spoils."""
    inner = trees.standard("/inner/10x", "one\n{{ 1 / 0 }}\n")
    error = trees.mistake("{{ template('/inner') }}\n")
    assert error.place == f"{inner}:2"
    assert "for /t" in str(error)


def test_a_template_that_is_included_too_deeply(trees: Trees) -> None:
    """Where no room is left to read a template, which is right by itself, the line that includes it is named."""
    trees.standard("/t/05", "{{ DomainName }}\n")
    trees.standard("/inner/10x", "{{ " + "(" * 45 + "1" + ")" * 45 + " }}\n")
    macro = "{% macro m(n) %}\n{{ m(n - 1) if n else template('/inner') }}\n{% endmacro %}\n"
    error = trees.mistake(f"{macro}{{{{ m(150) }}}}\n")
    assert error.place == f"{trees.fragment}:2"
    assert "recursion" in error.message
    assert "1" in trees.text("/inner")
    assert "1" in trees.expand(f"{macro}{{{{ m(1) }}}}\n")


def test_the_custom_fragment_is_named_not_the_standard_one(trees: Trees) -> None:
    """A broken override is reported by its own path in templates-custom."""
    trees.standard("/t/10a", "fine\n")
    place = trees.custom("/t/10a", "\n\n{{ nosuch }}\n")
    assert trees.error("/t").place == f"{place}:3"


#: A database that holds what no store accepts, and a fragment that would print it.
HOSTILE = {
    "value": ("{{ qpsmtpd.Evil }}", "configuration qpsmtpd Evil"),
    "value in a text": ("{{ 'x' ~ qpsmtpd['Evil'] }}", "configuration qpsmtpd Evil"),
    "value through a filter": ("{{ qpsmtpd.Evil | upper }}", "configuration qpsmtpd Evil"),
    "value through a list": ("{{ qpsmtpd.Evil | entries | join(' ') }}", "configuration qpsmtpd Evil"),
    "value as default": ("{{ qpsmtpd.Nosuch | default(qpsmtpd.Evil) }}", "configuration qpsmtpd Evil"),
    "scalar": ("{{ EvilName }}", "configuration EvilName type"),
    "type": ("{{ db.accounts['odd'].type }}", "accounts odd type"),
    "key": ("{% for r in records('hosts') %}{{ r.key }}{% endfor %}", "hosts"),
    "property name": (
        "{% for name, value in db.networks['n'] | properties %}{{ name }}{% endfor %}",
        "networks n",
    ),
    "property of a list": (
        "{% for name, value in db.domains['d'] | properties %}{{ value }}{% endfor %}",
        "domains d Evil",
    ),
}


@pytest.mark.parametrize("char", ["\n", "\r", "\0", "\x0b", "\x0c", "\x85", "\x1b"], ids=ascii)
@pytest.mark.parametrize(("text", "named"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_value_never_adds_a_line(trees: Trees, char: str, text: str, named: str) -> None:
    """A value, key or name with a control character, however it came into the store, is an error, not a new line."""
    evil = f"good{char}evil"
    configuration = trees.snapshot.contents["configuration"]
    configuration["qpsmtpd"] = ("service", {"Evil": evil})
    configuration["EvilName"] = (evil, {})
    trees.snapshot.contents["accounts"] = {"odd": (evil, {"a": "b"})}
    trees.snapshot.contents["hosts"] = {evil: ("host", {"a": "b"})}
    trees.snapshot.contents["networks"] = {"n": ("network", {evil: "x"})}
    trees.snapshot.contents["domains"] = {"d": ("domain", {"Evil": evil})}
    error = trees.mistake(f"first\n{text}\n")
    assert error.place.startswith(f"{trees.fragment}:")
    assert named in error.message
    assert char not in str(error).replace(f"\n  {error.hint}", "")


@pytest.mark.parametrize("value", ["tab\there", "'\"$`\\{{ 1 }}{% x %}{ perl }", "über €", "|", ""])
def test_other_values_are_printed_as_they_are(trees: Trees, value: str) -> None:
    """A value is text: whatever it holds is printed to the letter and never expanded again."""
    trees.snapshot.contents["configuration"]["qpsmtpd"] = ("service", {"Value": value})
    assert trees.expand("[{{ qpsmtpd.Value }}]\n") == f"[{value}]\n"


@pytest.mark.parametrize("key", ["mode", "owner", "group", "delete-when", "skip-when"])
def test_a_mistake_in_metadata_names_its_file(trees: Trees, key: str) -> None:
    """A broken expression in template.toml is an error that names that file."""
    text = "qpsmtpd.Nosuch | int > 3" if key.endswith("when") else "{{ qpsmtpd.Nosuch }}"
    place = trees.standard("/t/template.toml", f'{key} = "{text}"\n')
    error = trees.mistake("text\n")
    assert isinstance(error, TemplateError)
    assert error.place.startswith(str(place))
    assert "configuration qpsmtpd has no property 'Nosuch'" in error.message
