"""One record: its form, a new one, deletion, actions and a new password."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.manager import wire
from esmith.manager.web.addresses import BASE
from esmith.manager.web.pages.lists import record_url
from tests.manager.fake_helper import FaultError
from tests.manager.pages.answers import ANSWERS
from tests.manager.pages.forms import form_of, forms_of
from tests.manager.pages.looks import HOSTILE
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser

USERS = "/panel/collaboration/users"
ALICE = f"{USERS}/record/alice"
REVISION = 17


def test_an_untouched_form_changes_nothing(reader: Browser) -> None:
    """What is sent back as it was shown has no values."""
    reader.post(f"{ALICE}/preview", form_of(reader.get(ALICE)))
    operation = reader.helper.arguments("preview")["operation"]
    assert operation == {
        "kind": "modify",
        "panel": "collaboration/users",
        "key": "alice",
        "values": {},
        "revision": REVISION,
    }


def test_only_what_was_touched_is_sent(reader: Browser) -> None:
    """The preview of a changed record has the one field that was touched."""
    values = form_of(reader.get(ALICE)) | {"v.EmailForward": "=both"}
    page = reader.post(f"{ALICE}/preview", values)
    assert page.status == 200
    assert reader.helper.arguments("preview")["operation"]["values"] == {"EmailForward": "both"}


def test_a_new_record_has_the_key_that_was_typed(reader: Browser) -> None:
    """The operation of a new record is its creation, with its key."""
    values = form_of(reader.get(f"{USERS}/new")) | {"v.new record": " bob ", "v.FirstName": "Bob"}
    reader.post(f"{USERS}/new/preview", values)
    operation = reader.helper.arguments("preview")["operation"]
    assert (operation["kind"], operation["key"], operation["values"]) == ("create", "bob", {"FirstName": "Bob"})


def _refusing(fields: dict[str, str]) -> dict[str, Any]:
    def refuse(_arguments: dict[str, Any]) -> Any:
        raise FaultError(wire.REFUSED, "refused", fields=fields)

    return {**ANSWERS, "preview": refuse}


def test_a_refused_key_is_explained_beside_its_field(browse: MakeBrowser) -> None:
    """What is wrong with the key of a new record stands at its field, and what was typed is still there."""
    browser = browse(_refusing({"key": "the name is taken"}))
    values = form_of(browser.get(f"{USERS}/new")) | {"v.new record": "root", "v.FirstName": "Typed"}
    page = browser.post(f"{USERS}/new/preview", values)
    assert page.status == 422
    assert page.text.count("the name is taken") == 2
    assert 'value="root"' in page.text
    assert 'value="Typed"' in page.text


def test_what_is_wrong_with_no_field_of_the_page_is_shown_above(browse: MakeBrowser) -> None:
    """An error about a property that the form does not have is not lost."""
    page = browse(_refusing({"Elsewhere": HOSTILE})).post(f"{ALICE}/preview", {"revision": "17"})
    assert page.status == 422
    assert "Elsewhere: <script>alert(1)" in page.words


def test_deletion_asks_first_and_then_shows_a_preview(reader: Browser) -> None:
    """The page about a deletion says what the panel asks, and its button asks for the preview of the deletion."""
    page = reader.get(f"{ALICE}/delete")
    assert "Mail of alice is removed for good." in page.words
    reader.post("/preview", form_of(page))
    operation = reader.helper.arguments("preview")["operation"]
    assert operation == {"kind": "delete", "panel": "collaboration/users", "key": "alice", "revision": REVISION}


def test_a_protected_record_cannot_be_deleted(browse: MakeBrowser) -> None:
    """The address of the deletion of a record that may not be deleted is no page."""
    browser = browse({**ANSWERS, "record": lambda asked: ANSWERS["record"](asked) | {"delete": None}})
    assert browser.get(f"{ALICE}/delete").status == 404
    assert "/delete" not in browser.get(ALICE).text


def test_an_action_asks_first(reader: Browser) -> None:
    """The page about an action says what happens; one that there is not is no page."""
    page = reader.get(f"{ALICE}/lock")
    assert "alice cannot log in any more." in page.words
    reader.post("/preview", form_of(page))
    assert reader.helper.arguments("preview")["operation"]["action"] == "lock"
    assert reader.get(f"{ALICE}/unlock").status == 404


PASSWORD = "correct horse <battery>"


@pytest.mark.parametrize("again", ["", "other", PASSWORD + " "])
def test_a_password_that_is_not_typed_twice_is_refused(reader: Browser, again: str) -> None:
    """Two passwords that differ are asked for again, and neither is in the page."""
    page = reader.post(f"{ALICE}/password", {"secret.password": PASSWORD, "secret.again": again})
    assert page.status == 422
    assert "The two passwords differ: type both again." in page.words
    assert "correct horse" not in page.text
    assert "preview" not in reader.helper.verbs()


def test_a_password_goes_to_the_helper_and_into_no_page(reader: Browser) -> None:
    """A password that was typed twice is in the operation, and neither the preview nor the job has it."""
    page = reader.post(f"{ALICE}/password", {"secret.password": PASSWORD, "secret.again": PASSWORD})
    assert reader.helper.arguments("preview")["operation"]["password"] == PASSWORD
    assert "correct horse" not in page.text
    answer = reader.post("/apply", form_of(page))
    assert answer.status == 303
    assert reader.helper.arguments("apply")["operation"]["password"] == PASSWORD
    assert "again" not in reader.helper.arguments("apply")["operation"]


@pytest.mark.parametrize("key", ["a/b", "..", "-", "a/delete", "x?y#z", "192.168.0.0", HOSTILE])
def test_any_key_has_an_address(reader: Browser, key: str) -> None:
    """The address that the list has for a record asks for that record."""
    address = record_url("collaboration/users", key).removeprefix(BASE)
    page = reader.get(address)
    assert page.status == 200
    assert reader.helper.arguments("record")["key"] == key
    reader.post(forms_of(page)[0][0].removeprefix(BASE), form_of(page))
    assert reader.helper.arguments("preview")["operation"]["key"] == key
    assert reader.get(record_url("collaboration/users", key, "lock").removeprefix(BASE)).status == 200
