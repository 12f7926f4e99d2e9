"""The databases as a fragment sees them."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Trees

PRINTED = {
    "property": ("{{ qpsmtpd.DNSBL }}", "enabled"),
    "property by name": ("{{ qpsmtpd['DNSBL'] }}", "enabled"),
    "empty property": ("[{{ qpsmtpd.Bcc }}]", "[]"),
    "type": ("{{ qpsmtpd.type }}", "service"),
    "type by name": ("{{ qpsmtpd['type'] }}", "service"),
    "key": ("{{ qpsmtpd.key }}", "qpsmtpd"),
    "scalar": ("{{ SystemName }}.{{ DomainName }}", "mail.example.com"),
    "method of a scalar": ("{{ DomainName.upper() }}", "EXAMPLE.COM"),
    "filter of a scalar": ("{{ DomainName | length }}", "11"),
    "letter of a scalar": ("{{ DomainName[0] }}", "e"),
    "empty scalar": ("[{{ empty }}]", "[]"),
    "key that is not an identifier": ("{{ db.configuration['httpd-admin'].TCPPort }}", "980"),
    "key with an at sign": ("{{ db.accounts['boss@test.com'].Account }}", "tom"),
    "key that comes from a value": ("{{ db.accounts[db.accounts['boss@test.com'].Account].Uid }}", "5001"),
    "database that does not exist": ("{% for r in db.nosuch %}x{% endfor %}.", "."),
    "listing in byte order": (
        "{% for r in records('accounts') %}{{ r.key }} {% endfor %}",
        "Zoe boss@test.com sales tom ",
    ),
    "listing of a type": ("{% for r in records('accounts:user') %}{{ r.key }} {% endfor %}", "Zoe tom "),
    "listing of two types": ("{% for r in records('accounts:user,group') %}{{ r.key }} {% endfor %}", "Zoe sales tom "),
    "listing of no type": ("{{ records('accounts:nosuch') | length }}", "0"),
    "iteration of a database": ("{% for r in db.accounts %}{{ r.type }} {% endfor %}", "user pseudonym group user "),
    "keys through a filter": (
        "{{ records('accounts') | map(attribute='key') | join(',') }}",
        "Zoe,boss@test.com,sales,tom",
    ),
    "types through a filter": (
        "{{ records('accounts') | map(attribute='type') | unique | join(',') }}",
        "user,pseudonym,group",
    ),
    "choice by property": ("{{ records('accounts') | selectattr('Uid') | list | length }}", "2"),
    "properties in byte order": (
        "{% for name, value in qpsmtpd | properties %}{{ name }}={{ value }};{% endfor %}",
        "Bcc=;DNSBL=enabled;LogLevel=6;",
    ),
    "properties of a scalar": ("{{ DomainName | properties | length }}", "0"),
    "number": ("{{ qpsmtpd.LogLevel | int + 1 }}", "7"),
    "missing property defaulted": ("{{ qpsmtpd.Nosuch | default('none') }}", "none"),
    "missing record defaulted": ("{{ nosuch | default('none') }}", "none"),
    "property of a missing record defaulted": ("{{ nosuch.Prop | default('none') }}", "none"),
    "property of a missing account defaulted": ("{{ db.accounts['nosuch'].Uid | default('none') }}", "none"),
    "empty value is not missing": ("[{{ qpsmtpd.Bcc | default('none') }}]", "[]"),
    "empty value defaulted too": ("{{ qpsmtpd.Bcc | default('none', true) }}", "none"),
    "missing or": ("{{ qpsmtpd.Nosuch or qpsmtpd.Bcc or 'none' }}", "none"),
    "missing tested": ("{{ 'yes' if qpsmtpd.Nosuch else 'no' }}", "no"),
    "missing is not defined": ("{{ qpsmtpd.Nosuch is defined }} {{ qpsmtpd.DNSBL is defined }}", "False True"),
    "missing compared": (
        "{{ qpsmtpd.Nosuch == 'x' }} {{ 'x' == qpsmtpd.Nosuch }} {{ qpsmtpd.Nosuch != 'x' }}",
        "False False True",
    ),
    "missing among others": ("{{ qpsmtpd.Nosuch in ('a', 'b') }}", "False"),
    "record tested": ("{{ 'yes' if qpsmtpd else 'no' }} {{ 'yes' if nosuch else 'no' }}", "yes no"),
    "if without else": ("[{{ 'x' if qpsmtpd.Nosuch }}]", "[]"),
    "variable of the fragment before a record": ("{% set qpsmtpd = 'mine' %}{{ qpsmtpd }}", "mine"),
}


@pytest.mark.parametrize(("text", "expected"), PRINTED.values(), ids=PRINTED.keys())
def test_what_fragments_see(trees: Trees, text: str, expected: str) -> None:
    """Records are variables, their properties attributes; what is missing may be tested, compared and defaulted."""
    assert trees.expand(f"{text}.\n") == f"{expected}.\n"


MISSING = {
    "printed": ("{{ qpsmtpd.dnsbl }}", "configuration qpsmtpd has no property 'dnsbl'", "did you mean 'DNSBL'?"),
    "no near name": ("{{ qpsmtpd.Xyz }}", "configuration qpsmtpd has no property 'Xyz'", "set it, or allow it"),
    "by name": ("{{ qpsmtpd['Log-Level'] }}", "configuration qpsmtpd has no property 'Log-Level'", "'LogLevel'"),
    "scalar": ("{{ Domainname }}", "configuration has no record 'Domainname'", "did you mean 'DomainName'?"),
    "record": ("{{ qpsmptd.DNSBL }}", "there is no qpsmptd.DNSBL", "did you mean 'qpsmtpd'?"),
    "property of a scalar": ("{{ DomainName.Nosuch }}", "configuration DomainName has no property 'Nosuch'", "set it"),
    "account": ("{{ db.accounts['tomm'].Uid }}", "accounts has no record 'tomm'", "did you mean 'tom'?"),
    "no such account": ("{{ db.accounts['q'].Uid }}", "accounts has no record 'q'", "db accounts set q TYPE"),
    "database": ("{{ db.acounts['tom'].Uid }}", "acounts has no record 'tom'", "db acounts set tom TYPE"),
    "in a text": ("{{ 'x' ~ qpsmtpd.dnsbl }}", "configuration qpsmtpd has no property 'dnsbl'", "'DNSBL'"),
    "in a filter": ("{{ qpsmtpd.dnsbl | upper }}", "configuration qpsmtpd has no property 'dnsbl'", "'DNSBL'"),
    "as a number": ("{{ qpsmtpd.loglevel | int }}", "configuration qpsmtpd has no property 'loglevel'", "'LogLevel'"),
    "as a list": ("{{ qpsmtpd.dnsbl | entries | join }}", "configuration qpsmtpd has no property 'dnsbl'", "'DNSBL'"),
    "in a list": ("{{ [qpsmtpd.dnsbl] | join }}", "configuration qpsmtpd has no property 'dnsbl'", "'DNSBL'"),
    "looped over": ("{% for x in qpsmtpd.dnsbl %}{% endfor %}", "has no property 'dnsbl'", "'DNSBL'"),
    "searched": ("{{ 'x' in qpsmtpd.dnsbl }}", "configuration qpsmtpd has no property 'dnsbl'", "'DNSBL'"),
    "ordered": ("{{ qpsmtpd.loglevel > 3 }}", "configuration qpsmtpd has no property 'loglevel'", "'LogLevel'"),
    "by attribute": (
        "{{ records('accounts:group') | sum(attribute='Uid') }}",
        "accounts sales has no property 'Uid'",
        "",
    ),
}


@pytest.mark.parametrize(("text", "message", "hint"), MISSING.values(), ids=MISSING.keys())
def test_a_missing_value_is_an_error_where_a_text_is_needed(trees: Trees, text: str, message: str, hint: str) -> None:
    """The error names output, fragment, line, key, property, and the nearest existing name or how to make it."""
    error = trees.mistake(f"first\n{text}\n")
    assert error.place == f"{trees.fragment}:2"
    assert message in error.message
    assert "(for /t)" in error.message
    assert hint in error.hint


def test_odd_property_names_win_over_python(trees: Trees) -> None:
    """A property is found by its name even where Python objects have something of that name."""
    names = ("items", "props", "prop", "records", "database", "__class__", "keys")
    trees.snapshot.contents["configuration"]["odd"] = ("service", {name: name.upper() for name in names})
    for name in names:
        assert trees.expand("{{ odd." + name + " }} {{ odd['" + name + "'] }}") == f"{name.upper()} {name.upper()}"


def test_properties_named_key_and_type(trees: Trees) -> None:
    """``.key`` is the record's key whatever properties it has; ``.type`` its type unless a property has that name."""
    trees.snapshot.contents["configuration"]["odd"] = ("service", {"key": "mine", "type": "own"})
    assert trees.expand("{{ odd.key }} {{ odd['key'] }} {{ odd.type }}") == "odd mine own"


def test_a_record_hidden_by_a_function_is_reached_through_its_database(trees: Trees) -> None:
    """A record that has the name of a function is printed by way of its database."""
    trees.snapshot.contents["configuration"]["range"] = ("value", {})
    assert trees.expand("{{ db.configuration.range.type }} {{ range(2) | join }}") == "value 01"


def test_values_are_text(trees: Trees) -> None:
    """A value is text even when it looks like a number or like nothing."""
    trees.snapshot.contents["configuration"]["n"] = ("service", {"zero": "0", "none": "None"})
    assert trees.expand("{{ 'yes' if n.zero else 'no' }} {{ n.zero == 0 }} {{ n.none is none }}") == "yes False False"


def test_blocks_leave_no_trace(trees: Trees) -> None:
    """A line that holds only a block or a comment leaves no line; the newline at the end is kept."""
    text = "a\n  {% if true %}\nb\n  {% endif %}\n  {# nothing #}\nc\n\n"
    assert trees.expand(text) == "a\nb\nc\n\n"
