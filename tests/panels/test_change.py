"""Changing settings by a form: all fields or none, only what was touched, and every refusal at its field."""

from __future__ import annotations

import pytest

from esmith.panels.change import FormError
from esmith.panels.setting import NoSuchRecordError
from esmith.schema.check import NotAllowedError
from tests.panels.kit import Desk, cells

_MAIL = "configuration/email"
_WBL = "configuration/wbl"
_USERS = "collaboration/users"
_SECTION = 'heading = "Tried"\n[[sections]]\nname = "one"\nheading = "One"\n'


def _page(*fields: str) -> str:
    return _SECTION + "".join(f"[[sections.fields]]\n{field}\n" for field in fields)


def test_all_refusals_come_at_once(desk: Desk) -> None:
    """Each value that is refused is explained at its field, all of them at once, and nothing is changed."""
    values = {
        "Sensitivity": "extreme",
        "TagLevel": "many",
        "smart-host": "mail.example.com",
        "pop3-access": "everybody",
        "executable-content": ["zip", "nothing"],
        "nothing": "x",
    }
    messages = desk.refused(desk.panel(_MAIL), desk.overlay(), None, values)
    assert messages == {
        "nothing": "the page has no such field",
        "pop3-access": "not offered here: 'everybody'",
        "Sensitivity": "not offered here: 'extreme'",
        "TagLevel": "'many' is not a number",
        "executable-content": "not offered here: 'nothing', 'zip'",
    }


def test_a_refusal_of_a_secret_does_not_show_it(desk: Desk) -> None:
    """What is wrong with a secret is explained without it."""
    panel = desk.panel(_MAIL)
    for value in ("hunter2\nhunter2", ["hunter2"]):
        messages = desk.refused(panel, desk.overlay(), None, {"Passwd": value})
        assert list(messages) == ["Passwd"]
        assert "hunter2" not in messages["Passwd"]


@pytest.mark.parametrize("name", ["Sensitivity", "Subject", "executable-content", "pop3-access", "TagLevel"])
@pytest.mark.parametrize("value", [7, True, {"a": "b"}, [7], [["x"]]])
def test_a_value_of_another_kind_is_refused(desk: Desk, name: str, value: object) -> None:
    """What is neither a text nor a list of texts is refused at the field."""
    assert list(desk.refused(desk.panel(_MAIL), desk.overlay(), None, {name: value})) == [name]


def test_custom_is_not_overwritten_by_saving_something_else(desk: Desk) -> None:
    """Saving other fields leaves values alone that fit no choice, and a choice replaces them only when it is sent."""
    panel = desk.panel(_MAIL)
    overlay = desk.overlay(
        ("configuration", "pop3", "access", "localhost"), ("configuration", "spamassassin", "Sensitivity", "extreme")
    )
    desk.change(panel, overlay, None, {"smart-host": "mail.example.com:587", "Subject": "[SPAM]"})
    shown = desk.fields(panel, overlay)
    assert shown["pop3-access"]["custom"] is not None
    assert shown["Sensitivity"]["custom"] == "extreme"
    desk.change(panel, overlay, None, {"pop3-access": "private"})
    assert desk.fields(panel, overlay)["pop3-access"]["value"] == "private"


def test_the_choices_of_pop3_access(desk: Desk) -> None:
    """Each choice for POP3 writes the four properties, or the two that switch it off."""
    panel = desk.panel(_MAIL)
    overlay = desk.overlay()
    desk.change(panel, overlay, None, {"pop3-access": "publicSSL"})
    held = [overlay.prop("configuration", name, prop) for name in ("pop3", "pop3s") for prop in ("status", "access")]
    assert held == ["enabled", "private", "enabled", "public"]
    desk.change(panel, overlay, None, {"pop3-access": "disabled"})
    held = [overlay.prop("configuration", name, prop) for name in ("pop3", "pop3s") for prop in ("status", "access")]
    assert held == ["disabled", "private", "disabled", "public"]


def test_a_choice_that_fewer_settings_decide_on(desk: Desk) -> None:
    """A choice is what is stored when the settings that decide are so; it writes all of its own when it is chosen."""
    panel = desk.panel(_MAIL)
    overlay = desk.overlay(
        ("configuration", "horde", "status", "disabled"), ("configuration", "imp", "status", "enabled")
    )
    assert desk.fields(panel, overlay)["webmail-access"]["value"] == "disabled"
    desk.change(panel, overlay, None, {"Subject": "[SPAM]"})
    assert overlay.prop("configuration", "imp", "status") == "enabled"
    for value, status in (("enabledSSL", "enabled"), ("disabled", "disabled")):
        desk.change(panel, overlay, None, {"webmail-access": value})
        assert desk.fields(panel, overlay)["webmail-access"]["value"] == value
        assert overlay.prop("configuration", "imp", "status") == status


def test_a_record_that_is_missing_is_made(desk: Desk) -> None:
    """A choice makes the records that it needs, and a setting that of its schema file."""
    overlay = desk.overlay()
    overlay.delete_record("configuration", "fetchmail")
    overlay.delete_record("wbl", "badhelo")
    desk.change(desk.panel(_MAIL), overlay, None, {"retrieval-mode": "multidrop"})
    assert overlay.type_of("configuration", "fetchmail") == "service"
    desk.change(desk.panel(_WBL), overlay, None, {"badhelo": ["mail.example.com"]})
    assert overlay.type_of("wbl", "badhelo") == "list"


def test_a_choice_that_needs_a_setting(desk: Desk) -> None:
    """A choice that needs a setting is refused at the field of that one while it is missing or empty."""
    panel = desk.custom(
        _page(
            'setting = "configuration SMTPSmartHost"',
            'name = "login"\nlabel = "Log in"',
        )
        + '[[sections.fields.choices]]\nvalue = "no"\nlabel = "No"\n'
        'set = { "configuration smtp-auth-proxy status" = "disabled" }\n'
        '[[sections.fields.choices]]\nvalue = "yes"\nlabel = "Yes"\nneeds = ["configuration SMTPSmartHost"]\n'
        'set = { "configuration smtp-auth-proxy status" = "enabled" }\n'
    )
    message = "a value is needed here, because of what is chosen for Log in"
    assert desk.refused(panel, desk.overlay(), None, {"login": "yes"}) == {"SMTPSmartHost": message}
    overlay = desk.overlay()
    desk.change(panel, overlay, None, {"login": "yes", "SMTPSmartHost": "mail.example.com"})
    assert desk.refused(panel, overlay, None, {"SMTPSmartHost": ""}) == {"SMTPSmartHost": message}
    desk.change(panel, overlay, None, {"SMTPSmartHost": "", "login": "no"})


def test_blank_is_empty_or_not_set(desk: Desk) -> None:
    """The empty text is stored where the schema allows it; null is not set; both are different from what was there."""
    panel = desk.panel(_MAIL)
    overlay = desk.overlay(("configuration", "spamassassin", "Subject", "[SPAM]"))
    desk.change(panel, overlay, None, {"Subject": ""})
    assert overlay.prop("configuration", "spamassassin", "Subject") == ""
    desk.change(panel, overlay, None, {"Subject": None})
    assert overlay.prop("configuration", "spamassassin", "Subject") is None
    assert list(desk.refused(panel, overlay, None, {"TagLevel": ""})) == ["TagLevel"]


def test_a_list_is_written_with_its_separator(desk: Desk) -> None:
    """Lines become one value; blank lines and repeated ones are left out; an entry with the separator is refused."""
    panel = desk.custom(_page('setting = "configuration spamassassin TrustedNetworks"'))
    overlay = desk.overlay()
    desk.change(panel, overlay, None, {"TrustedNetworks": [" 10.1.2.3 ", "", "10.9.0.0/16", "10.1.2.3"]})
    assert overlay.prop("configuration", "spamassassin", "TrustedNetworks") == "10.1.2.3,10.9.0.0/16"
    desk.change(panel, overlay, None, {"TrustedNetworks": []})
    assert overlay.prop("configuration", "spamassassin", "TrustedNetworks") == ""
    assert "','" in desk.refused(panel, overlay, None, {"TrustedNetworks": ["a,b"]})["TrustedNetworks"]


def test_hints_come_once(desk: Desk) -> None:
    """Hints of the engine are returned, each once."""
    hints = desk.change(desk.panel(_MAIL), desk.overlay(), None, {"unknown-users": "nobody-here"})
    assert [hint.partition(";")[0] for hint in hints] == [
        "configuration EmailUnknownUser: accounts has no record 'nobody-here' of type user, group, pseudonym or system"
    ]


def test_the_boxes_of_contents(desk: Desk) -> None:
    """Boxes switch the records that differ, and what depends on any of them."""
    panel = desk.panel(_MAIL)
    overlay = desk.overlay()
    names = [choice["value"] for choice in desk.fields(panel, overlay)["executable-content"]["choices"]]
    desk.change(panel, overlay, None, {"executable-content": names[:2]})
    assert cells(overlay.changes) == {
        f"mailpatterns {names[0]} Status": "enabled",
        f"mailpatterns {names[1]} Status": "enabled",
        "configuration qpsmtpd PatternsScan": "enabled",
    }
    desk.change(panel, overlay, None, {"executable-content": []})
    assert overlay.prop("configuration", "qpsmtpd", "PatternsScan") == "disabled"
    assert "executable-content" in desk.refused(panel, overlay, None, {"executable-content": None})


def test_entries_of_another_colour_stay(desk: Desk) -> None:
    """Black and white entries of one record are two lists: saving one leaves the other."""
    panel = desk.panel(_WBL)
    black, white = _global_lists(desk)
    overlay = desk.overlay(
        ("spamassassin", "wbl.global", "bad@example.com", "Black"),
        ("spamassassin", "wbl.global", "good@example.com", "White"),
        ("spamassassin", "wbl.global", "old@example.com", "White"),
    )
    desk.change(panel, overlay, None, {white: ["good@example.com", "new@example.com"]})
    record = overlay.record("spamassassin", "wbl.global")
    assert record is not None
    assert record.props == {"bad@example.com": "Black", "good@example.com": "White", "new@example.com": "White"}
    messages = desk.refused(panel, overlay, None, {white: ["good@example.com", "bad@example.com"]})
    assert messages == {white: "line 2: 'bad@example.com' is in the list as Black; take it out there first"}
    # Where the other list gives it up it moves, whichever of the two comes first.
    desk.change(panel, overlay, None, {white: ["bad@example.com"], black: ["good@example.com"]})
    record = overlay.record("spamassassin", "wbl.global")
    assert record is not None
    assert record.props == {"bad@example.com": "White", "good@example.com": "Black"}


def _global_lists(desk: Desk) -> tuple[str, str]:
    """Return the names of the fields for the black and the white list of SpamAssassin."""
    from esmith.panels.entries import EntriesField

    names = {
        field.value: field.name
        for field in desk.panel(_WBL).fields()
        if isinstance(field, EntriesField) and field.key == "wbl.global"
    }
    return names["Black"], names["White"]


def test_a_refused_entry_names_its_line(desk: Desk) -> None:
    """An entry that cannot be stored is refused with the line where it is, each of them; a doubtful one is a hint."""
    panel = desk.panel(_WBL)
    messages = desk.refused(panel, desk.overlay(), None, {"badhelo": ["ok.example.com", "", "a|b", "c\x01d"]})
    assert [line.partition(" '")[0] for line in messages["badhelo"].split("\n")] == ["line 3:", "line 4:"]
    hints = desk.change(panel, desk.overlay(), None, {"badhelo": ["*.example.com"]})
    assert len(hints) == 1
    assert "'*.example.com'" in hints[0]


def test_the_groups_of_a_user(desk: Desk) -> None:
    """Boxes for groups put the user at the end of their lists or take him out; the order of the others stays."""
    panel = desk.panel(_USERS)
    overlay = desk.overlay(("accounts", "group2", "Members", "tom, jack,john"))
    desk.change(panel, overlay, "jack", {"groups": ["group1"]})
    assert overlay.prop("accounts", "group1", "Members") == "tom,jack,john"
    assert overlay.prop("accounts", "group2", "Members") == "tom,john"
    desk.change(panel, overlay, "maillog", {"groups": ["group1", "group2"]})
    assert overlay.prop("accounts", "group1", "Members") == "tom,jack,john,maillog"
    desk.change(panel, overlay, "john", {"groups": []})
    assert overlay.prop("accounts", "group2", "Members") == "tom,maillog"


def test_the_last_member_leaves(desk: Desk) -> None:
    """A list whose last entry leaves is empty, and the way back is there."""
    panel = desk.panel(_USERS)
    overlay = desk.overlay()
    desk.change(panel, overlay, "john", {"groups": ["group1"]})
    assert overlay.prop("accounts", "group2", "Members") == ""
    desk.change(panel, overlay, "john", {"groups": ["group1", "group2"]})
    assert overlay.prop("accounts", "group2", "Members") == "john"


def test_what_a_record_may_not(desk: Desk) -> None:
    """A record that the page does not have, or that is fixed, is not changed."""
    overlay = desk.overlay(("accounts", "everyone", "", "pseudonym"), ("accounts", "everyone", "Changeable", "no"))
    with pytest.raises(NoSuchRecordError):
        desk.change(desk.panel(_USERS), overlay, "group1", {"FirstName": "x"})
    with pytest.raises(NoSuchRecordError):
        desk.change(desk.panel(_MAIL), overlay, "john", {})
    with pytest.raises(NotAllowedError):
        desk.change(desk.panel("collaboration/pseudonyms"), overlay, "everyone", {"Account": "john"})


def test_a_required_value_is_not_taken_away(desk: Desk) -> None:
    """A field that has to have a value refuses blank and not set."""
    panel = desk.panel("collaboration/pseudonyms")
    for value in (None, ""):
        assert list(desk.refused(panel, desk.overlay(), "sales", {"Account": value})) == ["Account"]


def test_one_error_is_the_error(desk: Desk) -> None:
    """The message of the whole is that of the only field that is refused, or how many there are."""
    panel = desk.panel(_MAIL)
    with pytest.raises(FormError, match="'many' is not a number"):
        desk.change(panel, desk.overlay(), None, {"TagLevel": "many"})
    with pytest.raises(FormError, match="2 values are not allowed"):
        desk.change(panel, desk.overlay(), None, {"TagLevel": "many", "RejectLevel": "more"})


def test_mail_is_forwarded_to_somewhere(desk: Desk) -> None:
    """Forwarding without an address is refused beside the address, for users and for admin."""
    panel = desk.panel("collaboration/users")
    for key in ("tom", "admin"):
        for value in ("forward", "both"):
            assert set(desk.refused(panel, desk.overlay(), key, {"EmailForward": value})) == {"ForwardAddress"}
        desk.change(panel, desk.overlay(), key, {"EmailForward": "both", "ForwardAddress": "x@example.net"})


def test_a_pseudonym_that_must_not_be_changed(desk: Desk) -> None:
    """Who gets the mail of "everyone" is not shown and not changed; who may write to it is, and stays so."""
    panel, overlay = desk.panel("collaboration/pseudonyms"), desk.overlay()
    (shown,) = desk.fields(panel, overlay, "everyone").values()
    assert [one["value"] for one in shown["choices"]] == ["internal", "blank"]
    assert set(desk.refused(panel, overlay, "everyone", {"Account": "tom"})) == {"Account"}
    desk.change(panel, overlay, "everyone", {"visible": "blank"})
    assert cells(overlay.changes) == {"accounts everyone Visible": ""}
    assert [one["value"] for one in desk.fields(panel, overlay, "sales")["visible"]["choices"]] == ["all", "internal"]
