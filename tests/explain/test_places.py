"""Which fragment, and which line of it, a line of an output comes from."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.fragments.render import Renderer
from tests.examples import examples
from tests.explain.kit import made, origins
from tests.fragments.kit import Trees

#: A fragment, and for each line that it gives the lines of the fragment that this comes from.
FRAGMENTS = {
    "plain text": ("one\ntwo\n", [("one\n", [1]), ("two\n", [2])]),
    "a value": ("{{ DomainName }}\nb\n", [("example.com\n", [1]), ("b\n", [2])]),
    "a test": ("{% if qpsmtpd.DNSBL %}\na\n{% else %}\nb\n{% endif %}\nc\n", [("a\n", [2]), ("c\n", [6])]),
    "a loop": (
        "{% for n in 'xy' %}\n{{ n }}\n-\n{% endfor %}\n",
        [("x\n", [2]), ("-\n", [3]), ("y\n", [2]), ("-\n", [3])],
    ),
    "one line of several": ("a {% if true %}\nb\n{% endif %}\nc\n", [("a b\n", [1, 2]), ("c\n", [4])]),
    "an expression of two lines": ("x\n{{ 'a'\n~ 'b' }}\ny\n", [("x\n", [1]), ("ab\n", [2, 3]), ("y\n", [4])]),
    "a value of two lines": ("{{ ['a', 'b'] | join('\\n') }}\nc\n", [("a\n", [1]), ("b\n", [1]), ("c\n", [2])]),
    "a macro": ("{% macro m() %}\nin\n{% endmacro %}\na\n{{ m() }}b\n", [("a\n", [4]), ("in\n", [5]), ("b\n", [5])]),
    "a filtered block": (
        "a\n{% filter upper %}\nb\nc\n{% endfilter %}\nd\n",
        [("a\n", [1]), ("B\n", [2]), ("C\n", [2]), ("d\n", [6])],
    ),
    "a block that is set": ("{% set x %}\na\nb\n{% endset %}\n{{ x }}c\n", [("a\n", [5]), ("b\n", [5]), ("c\n", [5])]),
    "a comment": ("{# one\ntwo #}\nafter\n", [("after\n", [3])]),
    "blanks that are cut": ("a\n{%- if true %} b\n{%- endif %}\nc\n", [("a bc\n", [1, 2, 4])]),
    "a text that is not changed": (
        "{% raw %}\n{{ x }}\n{% endraw %}\ny\n",
        [("\n", [1]), ("{{ x }}\n", [2]), ("y\n", [4])],
    ),
    "with": ("{% with a = 1 %}\n{{ a }}\n{% endwith %}\n", [("1\n", [2])]),
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_lines_of_a_fragment(name: str, trees: Trees) -> None:
    """Each line of what a fragment gives comes from the lines of the fragment that printed it."""
    text, wanted = FRAGMENTS[name]
    trees.standard("/t/10a", text)
    assert origins(trees) == [(line, {"10a": numbers}) for line, numbers in wanted]


def test_a_line_of_two_fragments(trees: Trees) -> None:
    """A line that one fragment begins and another ends comes from both."""
    trees.standard("/t/10a", "x\na{{ 1 }}")
    trees.standard("/t/20b", "b\n")
    assert origins(trees) == [("x\n", {"10a": [1]}), ("a1b\n", {"10a": [2], "20b": [1]})]


def test_the_text_of_another_template(trees: Trees) -> None:
    """What a template inside another gives comes from the line that asks for it."""
    trees.standard("/inner/10a", "i{{ DomainName }}\n")
    trees.standard("/t/10a", "a\n{{ template('/inner') }}b\n")
    assert [numbers for _, numbers in origins(trees)] == [{"10a": [1]}, {"10a": [2]}, {"10a": [2]}]


def test_dropped_blank_lines_do_not_count(trees: Trees) -> None:
    """Where blank lines are dropped the others keep their fragments."""
    trees.standard("/t/template.toml", 'filter = ["no-blank-lines"]\n')
    trees.standard("/t/10a", "a\n\n\nb\n")
    assert origins(trees) == [("a\n", {"10a": [1]}), ("b\n", {"10a": [4]})]


def test_chance_is_no_certainty(trees: Trees) -> None:
    """A fragment that gives something else each time has no certain lines: the second text is not the first."""
    trees.standard("/t/10a", "{{ range(10**9) | random }}\nsame\n")
    lines = origins(trees)
    assert lines[0][1] == {"10a": []}
    # A line that stands in the fragment as it is, once, is that one.
    assert lines[1] == ("same\n", {"10a": [2]})


_PARTS = st.sampled_from(
    [
        "text\n",
        " ",
        "x",
        "\n",
        "{{ DomainName }}",
        "{{ qpsmtpd.DNSBL }}\n",
        "{% if qpsmtpd.Bcc %}\nno\n{% else %}\nyes\n{% endif %}\n",
        "{% for n in [1, 2] %}{{ n }}\n{% endfor %}",
        "{% set v = 'v' %}",
        "{{ v | default('-') -}}\n",
        "{# remark\n#}",
        "{%- if true %} t {% endif -%}\n",
        "{% set b %}\nq\n{% endset %}{{ b }}",
        "{% filter upper %}f\n{% endfilter %}",
        "{% macro m(a) %}<{{ a }}>\n{% endmacro %}{{ m(1) }}",
    ]
)


@given(fragments=st.lists(st.lists(_PARTS, max_size=8).map("".join), min_size=1, max_size=3))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_lines_are_those_of_the_output(fragments: list[str], trees: Trees) -> None:
    """Whatever the fragments are, the lines together are the output, each is of a fragment, and each number exists."""
    for number, text in enumerate(fragments):
        trees.standard(f"/t/{number}", text)
    try:
        lines = made(trees)
        with Renderer(trees.layout, trees.snapshot) as renderer:
            (rendering,) = renderer.render("/t")
    finally:
        for number in range(len(fragments)):
            trees.place("templates", f"/t/{number}").unlink()
    assert lines is not None
    assert b"".join(line.text for line in lines) == rendering.content
    for line in lines:
        assert line.makers
        for maker in line.makers:
            count = maker.traced.source.count(b"\n") + 1
            assert maker.lines and all(1 <= number <= count for number in maker.lines)
