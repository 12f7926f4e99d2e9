"""Every setting: databases, records, and the form of a record."""

from __future__ import annotations

import json
from typing import Any

from tests.manager.fake_helper import FaultError
from tests.manager.pages.answers import ANSWERS
from tests.manager.pages.forms import form_of
from tests.manager.pages.looks import HOSTILE
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser

CONFIGURATION = "/settings/configuration"
RECORD = f"{CONFIGURATION}/record?key=qpsmtpd"
PREVIEW = f"{CONFIGURATION}/record/preview?key=qpsmtpd"


def test_records_are_filtered_and_paged_by_the_helper(reader: Browser) -> None:
    """The helper gets what is looked for and the page; links to records carry the key."""
    page = reader.get(f"{CONFIGURATION}?q=key&page=2")
    assert reader.helper.arguments("database") == {"database": "configuration", "query": "key", "page": 2, "size": 50}
    assert 'href="/server-manager/settings/configuration/record?key=key060"' in page.text
    assert "119 of 120 records match “key”" in page.words


def test_an_untouched_record_changes_nothing(reader: Browser) -> None:
    """What is sent back as it was shown has no values, also where a value is hostile."""
    reader.post(PREVIEW, form_of(reader.get(RECORD), "record/preview"))
    assert reader.helper.arguments("preview")["operation"] == {
        "kind": "setting", "database": "configuration", "key": "qpsmtpd", "type": None, "values": {}, "delete": False,
        "revision": 17,
    }  # fmt: skip


def test_a_new_secret_is_in_no_page(reader: Browser) -> None:
    """A new secret goes to the helper and not into the preview; a blank one is unchanged."""
    values = form_of(reader.get(RECORD), "record/preview") | {"secret.Passwd": "hunter2", "v.MaxLoad": "9"}
    page = reader.post(PREVIEW, values)
    assert reader.helper.arguments("preview")["operation"]["values"] == {"MaxLoad": "9", "Passwd": "hunter2"}
    assert "hunter2" not in page.text


def test_a_property_of_any_name_can_be_set(reader: Browser) -> None:
    """A property with quotes, blanks and brackets in its name is set like any other."""
    name = "a b'<\u202e"
    reader.post(PREVIEW, form_of(reader.get(RECORD), "record/preview") | {f"v.{name}": "1"})
    assert reader.helper.arguments("preview")["operation"]["values"] == {name: "1"}


def test_a_new_record_has_a_type_and_a_key(reader: Browser) -> None:
    """A new record is of the type that was chosen and has the key that was typed."""
    assert 'href="/server-manager/settings/configuration/new?type=service"' in reader.get(f"{CONFIGURATION}/new").text
    values = form_of(reader.get(f"{CONFIGURATION}/new?type=service")) | {"v.new record": "mine", "v.MaxLoad": "9"}
    reader.post(f"{CONFIGURATION}/new/preview?type=service", values)
    operation = reader.helper.arguments("preview")["operation"]
    assert (operation["key"], operation["type"], operation["values"]) == ("mine", "service", {"MaxLoad": "9"})


def test_a_record_can_be_deleted_after_a_preview(reader: Browser) -> None:
    """The button asks for the preview of the deletion of just this record."""
    operation = json.loads(form_of(reader.get(RECORD), "/server-manager/preview")["operation"])
    assert (operation["kind"], operation["key"], operation["delete"]) == ("setting", "qpsmtpd", True)


def test_the_way_back_from_a_deletion(reader: Browser) -> None:
    """It is a link, as a form that asks with GET loses the query of its address, and with it the record."""
    page = reader.post("/preview", form_of(reader.get(RECORD), "/server-manager/preview"))
    assert f'<a class="button" href="/server-manager{RECORD}">Back</a>' in page.text


def test_a_refused_value_is_explained_at_its_property(browse: MakeBrowser) -> None:
    """What the schema refuses stands beside its field, and what was typed is still there."""

    def refuse(_arguments: dict[str, Any]) -> Any:
        raise FaultError("refused", "refused", fields={"MaxLoad": "not a number: " + HOSTILE})

    browser = browse({**ANSWERS, "preview": refuse})
    page = browser.post(PREVIEW, form_of(browser.get(RECORD), "record/preview") | {"v.MaxLoad": "many"})
    assert page.status == 422
    assert 'aria-invalid="true"' in page.text
    assert 'value="many"' in page.text
    assert "not a number: <script>" in page.words


def test_the_way_back_keeps_what_was_typed(reader: Browser) -> None:
    """Posting the form to its own address shows it with the values that were typed."""
    page = reader.post(RECORD, form_of(reader.get(RECORD), "record/preview") | {"v.MaxLoad": "typed", "revision": "12"})
    assert page.status == 200
    assert 'value="typed"' in page.text
    assert 'name="revision" value="12"' in page.text
