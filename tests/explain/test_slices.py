"""Which settings decide on a line."""

from __future__ import annotations

import pytest

from tests.explain.kit import made, settings
from tests.fragments.kit import Trees

DNSBL, LEVEL, PORT = (
    "configuration qpsmtpd DNSBL",
    "configuration qpsmtpd LogLevel",
    "configuration httpd-admin TCPPort",
)

#: A fragment, and for each line that it gives the properties that decide on it.
FRAGMENTS = {
    "what it prints": ("{{ qpsmtpd.DNSBL }}\n{{ qpsmtpd.LogLevel }}\n", [[DNSBL], [LEVEL]]),
    "plain text": ("a\n{{ qpsmtpd.DNSBL }}\n", [[], [DNSBL]]),
    "a test around it": ("{% if qpsmtpd.DNSBL %}\na\n{% endif %}\nb\n", [[DNSBL], []]),
    "a test that failed before": (
        "{% if qpsmtpd.Bcc %}\na\n{% elif qpsmtpd.DNSBL %}\nb\n{% endif %}\n",
        [["configuration qpsmtpd Bcc", DNSBL]],
    ),
    "a variable": ("{% set a = qpsmtpd.LogLevel %}\nx\n{{ a }}\n", [[], [LEVEL]]),
    "a variable that a test sets": (
        "{% set a = 1 %}\n{% if qpsmtpd.DNSBL %}\n{% set a = 2 %}\n{% endif %}\n{{ a }}\n{{ qpsmtpd.LogLevel }}\n",
        [[DNSBL], [LEVEL]],
    ),
    "a variable of a variable": ("{% set a = qpsmtpd.DNSBL %}{% set b = a ~ 'x' %}\n{{ b }}\n", [[DNSBL]]),
    "a namespace": (
        "{% set n = namespace(x='') %}\n{% for c in qpsmtpd.LogLevel %}{% set n.x = c %}{% endfor %}\n{{ n.x }}\n",
        [[LEVEL]],
    ),
    "a test that printed nothing in a line": (
        "a{% if qpsmtpd.Bcc %} no{% endif %} b\nc\n",
        [["configuration qpsmtpd Bcc"], []],
    ),
    "a test between lines": ("a\n{% if qpsmtpd.Bcc %}\nno\n{% endif %}\nb\n", [[], []]),
    "a loop": ("{% for c in qpsmtpd.LogLevel %}\n{{ c }}\n{% endfor %}\n", [[LEVEL]]),
    "a macro": ("{% macro m() %}{{ qpsmtpd.DNSBL }}{% endmacro %}\na\n{{ m() }}\n", [[], [DNSBL]]),
    "a name that is no identifier": (
        "{{ db.configuration['httpd-admin'].TCPPort }}\n{{ qpsmtpd.DNSBL }}\n",
        [[PORT], [DNSBL]],
    ),
    "a record by a variable": (
        "{% set k = 'httpd-admin' %}\n{{ db.configuration[k].TCPPort }}\n{{ qpsmtpd.DNSBL }}\n",
        [[PORT], [DNSBL]],
    ),
    "a record in a variable": ("{% set r = qpsmtpd %}\n{{ r.LogLevel }}\n", [[LEVEL]]),
    "a list of records": (
        "{% for r in records('accounts:user') %}\n{{ r.Uid }}\n{% endfor %}\n",
        [["accounts Zoe Uid", "accounts tom Uid"]] * 2,
    ),
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_settings_of_a_line(name: str, trees: Trees) -> None:
    """The settings of a line are those of its expressions, of the tests and loops around it, and of its variables."""
    text, wanted = FRAGMENTS[name]
    trees.standard("/t/10a", text)
    found = [one for one, line in zip(settings(trees), made(trees) or [], strict=True) if line.text.strip()]
    assert found == wanted


@pytest.mark.parametrize(
    "text",
    [
        "{% for line in ['a'] %}\n{{ line }}\n{% endfor %}\n",
        "{% set _ = warn('w') %}\nx\n",
        "{% if false %}{% set what = 1 %}{% endif %}\n{{ what | default('x') }}\n",
        "{% macro cure(which) %}{{ which }}{% endmacro %}\n{{ cure('a') }}\n",
    ],
)
def test_variables_of_a_fragment_are_no_settings(text: str, trees: Trees) -> None:
    """A variable that a fragment sets itself is not among the settings, though Jinja2 looks it up as one."""
    trees.standard("/t/10a", text)
    assert [maker.cells for line in made(trees) or [] for maker in line.makers if maker.cells] == []


def test_a_setting_of_a_template_inside(trees: Trees) -> None:
    """What a template inside a fragment reads decides on the line that prints it, and on no other."""
    trees.standard("/inner/10a", "{{ qpsmtpd.DNSBL }}")
    trees.standard("/t/10a", "{{ template('/inner') }}\n{{ qpsmtpd.LogLevel }}\nx\n")
    assert settings(trees) == [[DNSBL], [LEVEL], []]
