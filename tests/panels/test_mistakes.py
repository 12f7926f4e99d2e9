"""Mistakes in panel files: each is an error with the file, the place in it, and what to do."""

from __future__ import annotations

import pytest

from esmith.panels.setting import PanelError
from tests.panels.kit import Desk

_HEAD = 'heading = "Tried"\n'
_SECTION = '[[sections]]\nname = "one"\nheading = "One"\n'
_FORM = _HEAD + _SECTION
_RECORDS = '[records]\ndatabase = "accounts"\ntype = "user"\n'
_CHOICES = '[[sections.fields]]\nname = "who"\nlabel = "Who"\n'


def _field(text: str) -> str:
    return f"{_FORM}[[sections.fields]]\n{text}\n"


def _choice(value: str, more: str) -> str:
    return f'[[sections.fields.choices]]\nvalue = "{value}"\nlabel = "One"\n{more}\n'


def _list(records: str, fields: str = "") -> str:
    return f"{_HEAD}{_RECORDS}{records}\n{_SECTION}{fields}"


_MISTAKES = {
    "no toml": ("heading = ", "cannot be read"),
    "no heading": (_SECTION, "heading is missing"),
    "no sections": (_HEAD, "sections is missing"),
    "an unknown key": (f'haeding = "x"\n{_FORM}', "unknown key 'haeding'\n  did you mean 'heading'?"),
    "a value of the wrong type": (f'order = "first"\n{_FORM}', "order must be a number, not 'first'"),
    "a section without a name": (f'{_HEAD}[[sections]]\nheading = "One"\n', "[sections, number 1] name is missing"),
    "two sections of one name": (_FORM + _SECTION, "two sections are called 'one'"),
    "an unknown event": (
        f'event = "email-updates"\n{_FORM}',
        "there is no event 'email-updates'\n  did you mean 'email-update'?",
    ),
    "actions are no event": (f'event = "actions"\n{_FORM}', "there is no event 'actions'"),
    "no record": (f'reaches-panel = ["a b c"]\n{_FORM}', "reaches-panel: 'a b c' is not a record"),
    "no kind of field": (_field('name = "x"'), "[sections, number 1, fields, number 1] is not a field"),
    "two kinds of field": (_field('note = "x"\nsetting = "a b"'), "number 1] is not a field"),
    "no setting": (_field('setting = "qpsmtpd"'), "'qpsmtpd' is not a setting"),
    "an unknown database": (
        _field('setting = "config qpsmtpd DNSBL"'),
        "'config qpsmtpd DNSBL': no schema file knows the record",
    ),
    "an unknown record": (
        _field('setting = "configuration qpsmptd DNSBL"'),
        "'configuration qpsmptd DNSBL': no schema file knows the record; did you mean 'qpsmtpd'?",
    ),
    "an unknown property": (
        _field('setting = "configuration qpsmtpd DNSBLL"'),
        "the record has no such property; did you mean 'DNSBL'?",
    ),
    "a record without a property": (_field('setting = "configuration qpsmtpd"'), "the record has properties"),
    "a name of its own": (
        _field('name = "key"\nsetting = "configuration qpsmtpd DNSBL"'),
        "field 'key': a field cannot be called so",
    ),
    "two fields of one name": (
        _field('setting = "configuration qpsmtpd DNSBL"')
        + '[[sections.fields]]\nname = "DNSBL"\nsetting = "configuration qpsmtpd RHSBL"\n',
        "two fields are called 'DNSBL'",
    ),
    "a label of no choice": (
        _field('setting = "configuration qpsmtpd DNSBL"\nlabels = { maybe = "Maybe" }'),
        "labels: 'maybe' is no choice of 'configuration qpsmtpd DNSBL'",
    ),
    "shown with no field": (
        _field('setting = "configuration qpsmtpd DNSBL"\nshown-if = "Other=x"'),
        "field 'DNSBL': shown-if names no field of the page",
    ),
    "a note shown with no field": (_field('note = "x"\nshown-if = "Other=x"'), "a note: shown-if names no field"),
    "shown with a value that is no choice": (
        _field('setting = "configuration qpsmtpd DNSBL"\nshown-if = "DNSBL=enabled|on"'),
        "field 'DNSBL': shown-if: 'on' is no choice of DNSBL",
    ),
    "shown with no value": (
        _field('setting = "configuration qpsmtpd DNSBL"\nshown-if = "Other"'),
        "shown-if must be a field of the page with its values",
    ),
    "a property without records": (_field('property = "FirstName"'), "property is for pages with a table [records]"),
    "a key without records": (
        _field('setting = "accounts {key} FirstName"'),
        "{key} is for pages with a table [records]",
    ),
    "members without records": (
        _field('name = "x"\nmembers = { database = "accounts", type = "group", property = "Members" }'),
        "members is for pages with a table [records]",
    ),
    "no choices": (_field('name = "x"\nchoices = []'), "choices is empty"),
    "choices without a name": (
        _field("") + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "enabled" }'),
        "name is missing",
    ),
    "a choice without a label": (
        f'{_FORM}{_CHOICES}[[sections.fields.choices]]\nvalue = "a"\n',
        "[sections, number 1, fields, number 1, choices, number 1] label is missing",
    ),
    "a choice that sets nothing": (_FORM + _CHOICES + _choice("a", ""), "field 'who': choice 'a' sets nothing"),
    "a choice of a value that is refused": (
        _FORM + _CHOICES + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "on" }'),
        "field 'who': 'configuration qpsmtpd DNSBL': 'on' is not one of enabled, disabled",
    ),
    "a choice of a secret": (
        _FORM + _CHOICES + _choice("a", 'set = { "configuration smtp-auth-proxy Passwd" = "x" }'),
        "'configuration smtp-auth-proxy Passwd' is a secret, which no choice has",
    ),
    "two choices of one value": (
        _FORM
        + _CHOICES
        + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "enabled" }')
        + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "disabled" }'),
        "two choices have one value",
    ),
    "two choices that may both be stored": (
        _FORM
        + _CHOICES
        + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "enabled" }')
        + _choice("b", 'set = { "configuration qpsmtpd RHSBL" = "enabled" }'),
        "choices 'a' and 'b' may both be what is stored",
    ),
    "a match that it does not write": (
        _FORM
        + _CHOICES
        + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "enabled" }\nmatch = ["configuration qpsmtpd RHSBL"]'),
        "match: choice 'a' neither sets nor deletes 'configuration qpsmtpd RHSBL'",
    ),
    "a match of nothing": (
        _FORM + _CHOICES + _choice("a", 'delete = ["configuration qpsmtpd DNSBL"]\nmatch = []'),
        "match: choice 'a' would always be what is stored",
    ),
    "a record to make that is none": (
        _FORM
        + _CHOICES
        + _choice("a", 'set = { "configuration qpsmtpd DNSBL" = "enabled" }\ncreate = { qpsmtpd = "service" }'),
        "create: 'qpsmtpd' is not a record",
    ),
    "a condition that is refused": (
        _FORM
        + _CHOICES
        + _choice(
            "a", 'delete = ["configuration qpsmtpd DNSBL"]\nonly-if = { "configuration qpsmtpd RHSBL" = ["on"] }'
        ),
        "'configuration qpsmtpd RHSBL': 'on' is not one of",
    ),
    "boxes of an unknown type": (
        _field(
            'name = "x"\neach = { database = "mailpatterns", type = "patern", property = "A", on = "a", off = "b" }'
        ),
        "no schema file knows records of type 'patern' in 'mailpatterns'; did you mean 'pattern'?",
    ),
    "boxes of an unknown property": (
        _field(
            'name = "x"\n'
            'each = { database = "mailpatterns", type = "pattern", property = "Statu", on = "a", off = "b" }'
        ),
        "records of type 'pattern' have no property 'Statu'; did you mean 'Status'?",
    ),
    "boxes with a value that is refused": (
        _field(
            'name = "x"\n'
            'each = { database = "mailpatterns", type = "pattern", property = "Status", on = "on", off = "b" }'
        ),
        "'on' is not one of enabled, disabled",
    ),
    "boxes without a property": (
        _field('name = "x"\neach = { database = "mailpatterns", type = "pattern", on = "a", off = "b" }'),
        "fields, number 1, each] property is missing",
    ),
    "entries of no record": (
        _field('name = "x"\nentries = { record = "wbl", value = "Black" }'),
        "entries: 'wbl' is not a record",
    ),
    "entries of an unknown value": (
        _field('name = "x"\nentries = { record = "wbl badhelo", value = "Grey" }'),
        "'wbl badhelo *': 'Grey' is not one of Black",
    ),
    "records of an unknown type": (
        f'{_HEAD}[records]\ndatabase = "accounts"\ntype = "usr"\n{_SECTION}',
        "no schema file knows records of type 'usr' in 'accounts'; did you mean 'user'?",
    ),
    "records without a type": (f'{_HEAD}[records]\ndatabase = "accounts"\n{_SECTION}', "[records] type is missing"),
    "an event of a list": (f'event = "email-update"\n{_list("")}', "event is for pages without a table [records]"),
    "an unknown column": (
        _list('columns = ["FirstNam"]'),
        "the record has no such property; did you mean 'FirstName'?",
    ),
    "an unknown event of a record": (
        _list('create = { event = "user-make", label = "Add" }'),
        "[records] there is no event 'user-make'",
    ),
    "a creation without a label": (
        _list('create = { event = "user-create" }'),
        "[records.create] label is missing",
    ),
    "a protected value that is refused": (
        _list('protected = ["EmailForward=here"]'),
        "'accounts {key} EmailForward': 'here' is not one of local, forward, both",
    ),
    "an unknown setting that protects": (
        _list('protected = ["configuration DomainNam"]'),
        "'configuration DomainNam': no schema file knows the record; did you mean 'DomainName'?",
    ),
    "a fixed value that is refused": (
        _list('fixed-if = { EmailForward = ["here"] }'),
        "'here' is not one of local, forward, both",
    ),
    "an unknown property that leads to it": (
        _list('delete = { event = "user-delete", before = { type = "pseudonym", property = "Acount" } }'),
        "records of type 'pseudonym' have no property 'Acount'; did you mean 'Account'?",
    ),
    "two actions of one name": (
        _list('[[records.actions]]\nname = "a"\nlabel = "A"\nevent = "user-lock"\n' * 2),
        "two actions are called 'a'",
    ),
    "an action without an event": (
        _list('[[records.actions]]\nname = "a"\nlabel = "A"\n'),
        "[records.actions, number 1] event is missing",
    ),
}


@pytest.mark.parametrize("name", _MISTAKES)
def test_a_mistake_has_its_place(desk: Desk, name: str) -> None:
    """A mistake in a panel file is an error that names the file, what is wrong, and what to do."""
    text, message = _MISTAKES[name]
    with pytest.raises(PanelError) as caught:
        desk.custom(text)
    assert message in str(caught.value).replace(f"{caught.value.place}: ", "")
    assert caught.value.place.endswith("panels-custom/miscellaneous/tried.toml")
    assert caught.value.hint != ""


def test_a_secret_is_no_column(desk: Desk) -> None:
    """A list has no column for a secret, also not for one that only its name shows."""
    with pytest.raises(PanelError, match="a secret is not shown in a list"):
        desk.custom(
            _list(
                'columns = ["x"]', '[[sections.fields]]\nname = "x"\nsetting = "configuration smtp-auth-proxy Passwd"\n'
            )
        )
