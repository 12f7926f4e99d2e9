"""What a form shows: not set, custom, what the schema knows about a field, and never a secret."""

from __future__ import annotations

import json

import pytest

from esmith.errors import UsageError
from esmith.panels.form import show_form, suggest
from esmith.panels.setting import NoSuchRecordError
from tests.panels.kit import Desk

_SECTION = 'heading = "Tried"\n[[sections]]\nname = "one"\nheading = "One"\n'
_MAIL = "configuration/email"


def _page(*fields: str) -> str:
    return _SECTION + "".join(f"[[sections.fields]]\n{field}\n" for field in fields)


def test_unset_is_a_choice_of_its_own(desk: Desk) -> None:
    """A property that is not set shows none of its values, and what it comes to."""
    overlay = desk.overlay()
    overlay.delete_prop("configuration", "spamassassin", "Sensitivity")
    panel = desk.custom(_page('setting = "configuration spamassassin Sensitivity"\nlabels = { medium = "Middling" }'))
    shown = desk.fields(panel, overlay)["Sensitivity"]
    assert (shown["value"], shown["custom"], shown["unset"]) == (None, None, "Middling")


@pytest.mark.parametrize(
    ("setting", "unset"),
    [
        ("configuration spamassassin RejectLevel", "0"),
        ("configuration spamassassin SubjectTag", "Disabled"),
        ("configuration spamassassin BayesAutoLearnThresholdNonspam", "SpamAssassin's own, 0.1"),
        ("configuration spamassassin TagLevel", "5"),
        ("configuration EmailUnknownUser", "returntosender"),
        ("configuration DomainName", None),
        # It is generated again.
        ("configuration horde DbPassword", None),
    ],
)
def test_what_not_set_comes_to(desk: Desk, setting: str, unset: str | None) -> None:
    """Not set comes to ``unset``, else ``default``, else what the help says; a value that has to be there has none."""
    panel = desk.custom(_page(f'name = "it"\nsetting = "{setting}"'))
    assert desk.fields(panel, desk.snapshot)["it"]["unset"] == unset


def test_a_value_that_is_no_choice_is_shown_as_it_is(desk: Desk) -> None:
    """A stored value that is none of the choices is custom, and no choice is chosen."""
    overlay = desk.overlay(("configuration", "spamassassin", "Sensitivity", "extreme"))
    shown = desk.fields(desk.panel(_MAIL), overlay)["Sensitivity"]
    assert (shown["value"], shown["custom"]) == (None, "extreme")


def test_an_empty_value_is_not_the_missing_one(desk: Desk) -> None:
    """The empty value, a missing one and 0 are shown differently."""
    panel = desk.custom(
        _page('setting = "configuration spamassassin Subject"', 'setting = "configuration spamassassin RejectLevel"')
    )
    overlay = desk.overlay(("configuration", "spamassassin", "Subject", ""))
    overlay.delete_prop("configuration", "spamassassin", "RejectLevel")
    assert [field["value"] for field in desk.fields(panel, overlay).values()] == ["", None]
    overlay.delete_prop("configuration", "spamassassin", "Subject")
    overlay.set_prop("configuration", "spamassassin", "RejectLevel", "0")
    assert [field["value"] for field in desk.fields(panel, overlay).values()] == [None, "0"]


def test_the_schema_says_how_a_field_looks(desk: Desk) -> None:
    """Widget, limits, label, help and suggestions come from the schema."""
    panel = desk.custom(
        _page(
            'setting = "configuration spamassassin TagLevel"',
            'setting = "configuration pop3 TCPPort"',
            'setting = "configuration qpsmtpd KarmaStrikes"',
            'setting = "configuration EmailUnknownUser"',
            'setting = "configuration spamassassin TrustedNetworks"\nlabel = "Mine"\nhelp = "Ours."',
            'note = "Read this."',
        )
    )
    shown = desk.fields(panel, desk.snapshot)
    assert [field["widget"] for field in shown.values()] == ["number", "number", "number", "text", "lines", "note"]
    assert (shown["TagLevel"]["min"], shown["TagLevel"]["max"]) == (0, None)
    assert (shown["TCPPort"]["min"], shown["TCPPort"]["max"]) == (1, 65535)
    assert [field["suggest"] for field in shown.values()] == [False, False, False, True, False, False]
    assert (shown["TrustedNetworks"]["label"], shown["TrustedNetworks"]["help"]) == ("Mine", "Ours.")
    known = desk.schema.record("configuration", "spamassassin", None)
    assert known is not None
    assert shown["TagLevel"]["help"] == known.properties["TagLevel"].help
    assert shown["TagLevel"]["label"] == (known.properties["TagLevel"].label or "TagLevel")
    assert shown[""]["help"] == "Read this."


def test_a_secret_is_in_no_answer(desk: Desk) -> None:
    """A form says only whether there is a secret, also of one that only its name shows, and in what is custom."""
    overlay = desk.overlay(
        ("spamassassin", "conf.global", "", "list"),
        ("configuration", "smtp-auth-proxy", "Passwd", "hunter2-declared"),
        ("spamassassin", "conf.global", "DbPassword", "hunter2-named"),
        ("configuration", "fetchmail", "SecondaryMailPassword", ""),
    )
    panel = desk.custom(
        _page(
            'setting = "configuration smtp-auth-proxy Passwd"',
            'setting = "spamassassin conf.global DbPassword"',
            'setting = "configuration fetchmail SecondaryMailPassword"',
        )
    )
    shown = desk.fields(panel, overlay)
    assert [field["widget"] for field in shown.values()] == ["secret", "secret", "secret"]
    assert [field["is_set"] for field in shown.values()] == [True, True, False]
    assert "hunter2" not in json.dumps(show_form(panel, desk.schema, overlay))


def test_a_mapping_shows_the_choice_that_is_stored(desk: Desk) -> None:
    """POP3 access is one choice of four properties; what fits none is custom, with the values."""
    panel = desk.panel(_MAIL)
    overlay = desk.overlay()
    for status in ("pop3", "pop3s"):
        overlay.set_prop("configuration", status, "status", "enabled")
        overlay.set_prop("configuration", status, "access", "private")
    assert desk.fields(panel, overlay)["pop3-access"]["value"] == "private"
    overlay.set_prop("configuration", "pop3", "access", "localhost")
    shown = desk.fields(panel, overlay)["pop3-access"]
    assert shown["value"] is None
    assert shown["custom"].startswith("pop3 status enabled, pop3s status enabled")
    assert "pop3 access localhost" in shown["custom"]


def test_a_mapping_of_which_nothing_is_stored_is_not_set(desk: Desk) -> None:
    """With none of its properties stored a mapping is not set, and says which choice that comes to."""
    overlay = desk.overlay()
    for setting in ("pop3", "pop3s"):
        overlay.delete_prop("configuration", setting, "status")
        overlay.delete_prop("configuration", setting, "access")
    shown = desk.fields(desk.panel(_MAIL), overlay)["pop3-access"]
    labels = {choice["value"]: choice["label"] for choice in shown["choices"]}
    assert (shown["value"], shown["custom"], shown["unset"]) == (None, None, labels["disabled"])


def test_choices_that_are_not_offered(desk: Desk) -> None:
    """A choice that is only for some settings is offered with these, and always while it is what is stored."""
    panel = desk.panel(_MAIL)
    offered = {choice["value"] for choice in desk.fields(panel, desk.snapshot)["pop3-access"]["choices"]}
    assert offered == {"disabled", "private", "publicSSL"}
    overlay = desk.overlay()
    for name in ("pop3", "pop3s"):
        overlay.set_prop("configuration", name, "status", "enabled")
        overlay.set_prop("configuration", name, "access", "public")
    shown = desk.fields(panel, overlay)["pop3-access"]
    assert shown["value"] == "public"
    overlay.set_prop("configuration", "pop3s", "access", "private")
    assert desk.fields(panel, overlay)["pop3-access"]["value"] == "public-plain"


def test_shown_only_if_another_field_has_a_value(desk: Desk) -> None:
    """The schema says with which setting another is of use, also where a field of choices writes that one."""
    panel = desk.custom(
        _page(
            'setting = "configuration spamassassin SubjectTag"',
            'setting = "configuration spamassassin Subject"',
            'setting = "configuration fetchmail FreqOffice"',
            'setting = "configuration qpsmtpd DNSBL"\nshown-if = "Subject=a|b"',
        )
    )
    shown = desk.fields(panel, desk.snapshot)
    assert shown["DNSBL"]["shown_if"] == {"field": "Subject", "values": ["a", "b"]}
    assert shown["Subject"]["shown_if"] == {"field": "SubjectTag", "values": ["enabled"]}
    assert shown["FreqOffice"]["shown_if"] is None
    mail = desk.fields(desk.panel(_MAIL), desk.snapshot)
    assert mail["FreqOffice"]["shown_if"] == {"field": "retrieval-mode", "values": ["etrn", "multidrop"]}


def test_the_form_of_a_record(desk: Desk) -> None:
    """A form of a record has what is stored of it, what may be done to it, and which event follows."""
    panel = desk.panel("collaboration/users")
    shown = show_form(panel, desk.schema, desk.snapshot, "john")
    assert (shown["key"], shown["event"], shown["may_change"], shown["may_delete"]) == (
        "john",
        "user-modify",
        True,
        True,
    )
    assert [action["name"] for action in shown["actions"]] == ["lock", "password"]
    assert "john" in shown["delete"]["ask"]
    assert desk.fields(panel, desk.snapshot, "john")["groups"]["value"] == ["group1", "group2"]


def test_the_form_of_a_listed_record_of_another_type(desk: Desk) -> None:
    """The administrator is listed with the users: his form is without what his record has not, and he stays."""
    panel = desk.panel("collaboration/users")
    shown = show_form(panel, desk.schema, desk.snapshot, "admin")
    assert (shown["event"], shown["may_delete"], shown["delete"], shown["actions"]) == (
        "user-modify-admin",
        False,
        None,
        [],
    )
    assert "Phone" not in desk.fields(panel, desk.snapshot, "admin")
    assert "FirstName" in desk.fields(panel, desk.snapshot, "admin")


def test_the_form_of_a_new_record(desk: Desk) -> None:
    """A form for a new record has no values, and what the key is called."""
    panel = desk.panel("collaboration/users")
    shown = show_form(panel, desk.schema, desk.snapshot)
    assert (shown["key"], shown["event"], shown["key_field"]["label"]) == (None, "user-create", "Account")
    fields = desk.fields(panel, desk.snapshot)
    assert {name: field["value"] for name, field in fields.items() if field["value"]} == {}
    assert fields["FirstName"]["required"]


@pytest.mark.parametrize("key", ["nobody", "group1", "sales"])
def test_a_record_of_another_page(desk: Desk, key: str) -> None:
    """A page has only the records of its type."""
    with pytest.raises(NoSuchRecordError):
        show_form(desk.panel("collaboration/users"), desk.schema, desk.snapshot, key)


def test_names_of_records_are_suggested(desk: Desk) -> None:
    """A setting that names records suggests them: those that begin so first, and at most twenty."""
    panel = desk.panel(_MAIL)
    assert suggest(panel, desk.schema, desk.snapshot, None, "unknown-users", "jo") == ["john"]
    names = suggest(panel, desk.schema, desk.snapshot, None, "unknown-users", "a")
    assert names[0].startswith("a")
    assert [name.startswith("a") for name in names] == sorted((name.startswith("a") for name in names), reverse=True)
    overlay = desk.overlay(*(("accounts", f"user{number}", "", "user") for number in range(30)))
    assert len(suggest(panel, desk.schema, overlay, None, "unknown-users", "")) == 20
    assert suggest(panel, desk.schema, desk.snapshot, None, "pop3-access", "p") == []
    with pytest.raises(UsageError):
        suggest(panel, desk.schema, desk.snapshot, None, "nothing", "")


def test_not_set_is_not_offered_where_it_would_not_stay(desk: Desk) -> None:
    """Where an upgrade writes the property again, not set can be chosen only while it is so; with it each choice is."""
    panel = desk.panel(_MAIL)
    shown = desk.fields(panel, desk.snapshot)
    # A default that differs from what a missing one reads as; a choice with a default; one with neither.
    assert [shown[name]["unset"] for name in ("spam-filtering", "pop3-access", "Sensitivity")] == [
        None,
        None,
        "Medium: spam from score 5",
    ]
    overlay = desk.overlay()
    overlay.delete_prop("configuration", "spamassassin", "status")
    assert desk.fields(panel, overlay)["spam-filtering"]["unset"] == "Disabled"
