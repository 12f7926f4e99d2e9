"""Changes, installed files, services, health and search: what they ask of the helper, and where their buttons lead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esmith.manager import wire
from tests.manager.fake_helper import FaultError
from tests.manager.pages.answers import ANSWERS
from tests.manager.pages.forms import forms_of
from tests.manager.web.browser import Browser, Page
from tests.manager.web.conftest import MakeBrowser


def _operations(page: Page, to: str) -> list[dict[str, Any]]:
    return [json.loads(values["operation"]) for action, values in forms_of(page) if action == f"/server-manager{to}"]


def test_changes_say_who_from_where_and_how(reader: Browser) -> None:
    """A revision made here has page and address, one of a shell its command."""
    words = reader.get("/changes").words
    assert "Page configuration/email From 192.0.2.7" in words
    assert "Command config setprop qpsmtpd MaxLoad 7" in words


def test_what_a_job_changed_names_who_applied_it(browse: MakeBrowser) -> None:
    """A revision that an action of a job made names the account, and leads to the job."""
    one = ANSWERS["history"]({"before": 45, "size": 1})["revisions"][0] | {"user": "root", "sudo_user": "tom, job 12ab"}
    page = browse({"history": {"revisions": [one], "next": None}}).get("/changes")
    assert "Who tom , in a job" in page.words
    assert 'href="/server-manager/job/12ab"' in page.text


def test_what_the_event_of_a_change_made_is_under_it(reader: Browser) -> None:
    """The revisions of a job's actions are counted under the one it was for, with a link to each."""
    page = reader.get("/changes")
    assert "1 more revision by its event" in page.words
    assert 'href="/server-manager/changes/945"' in page.text


def test_older_changes_are_found_with_the_same_words(reader: Browser) -> None:
    """The link to older changes keeps what is looked for."""
    page = reader.get("/changes?q=%20Max%20%0ALoad")
    wanted = {"before": None, "query": "Max Load", "size": 20, "changes": 5, "fold": True}
    assert reader.helper.arguments("history") == wanted
    assert 'href="/server-manager/changes?q=Max+Load&amp;before=26"' in page.text
    assert "Newest changes" not in page.words
    assert "Newest changes" in reader.get("/changes?before=26").words


def test_a_revision_can_be_undone_after_a_preview(reader: Browser) -> None:
    """The button of a revision asks for the preview of its undo."""
    page = reader.get("/changes/44")
    assert reader.helper.arguments("history")["before"] == 45
    assert _operations(page, "/preview") == [{"kind": "undo", "revision": 44}]
    other = reader.get("/changes/0")
    assert other.status == 404
    assert "There is no revision 0." in other.words


def test_going_back_to_a_generation_names_what_changes(reader: Browser) -> None:
    """The page shows settings, files and services of a rollback, and offers it with and without the settings."""
    page = reader.get("/generations/5")
    for text in (
        "1 later generation is taken back.",
        "3 files are restored.",
        "2 settings are restored.",
        "dovecot reload",
    ):
        assert text in page.words
    found = _operations(page, "/preview")
    assert [one["files_only"] for one in found] == [False, True]
    assert {(one["kind"], one["generation"]) for one in found} == {("rollback", 5)}
    assert "It holds secrets, so its lines are not shown." in page.words


def test_there_is_no_way_back_to_now(reader: Browser) -> None:
    """The last generation is the present state and offers no rollback."""
    page = reader.get("/generations/6")
    assert "These are the files of now" in page.words
    assert _operations(page, "/preview") == []


def test_settings_that_are_not_known_cannot_be_restored(browse: MakeBrowser) -> None:
    """Where the settings of a generation are not known, only its files are offered."""
    unknown = ANSWERS["generation"]({"number": 5})
    unknown["back"]["unknown"] = True
    found = _operations(browse({"generation": unknown}).get("/generations/5"), "/preview")
    assert [one["files_only"] for one in found] == [True]


def test_service_actions_are_jobs(reader: Browser) -> None:
    """Each allowed action is a button that applies it; what cannot be done has none."""
    found = {(one["service"], one["action"]) for one in _operations(reader.get("/services"), "/apply")}
    assert found == {("dovecot", "restart"), ("dovecot", "stop"), ("qpsmtpd", "start"), ("httpd-e-smith", "restart")}


def test_stopping_the_way_here_asks_first(reader: Browser) -> None:
    """Before the service is stopped through which the browser comes, a page says what happens then."""
    assert 'href="/server-manager/services/httpd-e-smith/stop"' in reader.get("/services").text
    page = reader.get("/services/httpd-e-smith/stop")
    assert "When it stops, no page answers any more." in page.words
    assert _operations(page, "/apply") == [{"kind": "service", "service": "httpd-e-smith", "action": "stop"}]


def test_what_is_not_as_wanted_says_so_in_words(reader: Browser) -> None:
    """A service that is down and should run says so, not by its colour alone."""
    assert "stopped not as wanted" in reader.get("/services").words


def test_findings_are_there_before_the_examination(reader: Browser) -> None:
    """The page comes without the doctor; a script asks for it, and without a script a link does."""
    page = reader.get("/health")
    assert reader.helper.arguments("health") == {"doctor": False}
    assert 'hx-post="/server-manager/health/examined"' in page.text
    assert 'href="/server-manager/health?examined=yes#examined"' in page.text
    assert (
        page.words.index("Does not work") < page.words.index("Needs attention") < page.words.index("Was not looked at")
    )


def test_the_examination_adds_only_its_own(browse: MakeBrowser) -> None:
    """What the page shows already is not shown again by the part that comes after it."""

    def health(arguments: dict[str, Any]) -> dict[str, Any]:
        own = (
            [{"by": "doctor", "severity": "failing", "what": "the disk is full", "cure": []}]
            if arguments["doctor"]
            else []
        )
        old = {"by": "status", "severity": "warning", "what": "settings wait", "cure": []}
        return {"findings": [*own, old]}

    words = browse({"health": health}).post("/health/examined").words
    assert "the disk is full" in words
    assert "settings wait" not in words


def test_a_cure_that_is_a_command_of_ours_has_a_button(reader: Browser) -> None:
    """A finding with an operation has a button to its preview; one without has only the text to copy."""
    found = _operations(reader.get("/health"), "/preview")
    assert found == [{"kind": "event", "event": "email-update", "arguments": []}]


def test_an_examination_that_fails_leaves_the_page(browse: MakeBrowser) -> None:
    """When the examination cannot be made, the rest of the page is there, with a way to try again."""

    def health(arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["doctor"]:
            raise FaultError(wire.BUSY, "An event runs.")
        return {"findings": []}

    page = browse({"health": health}).get("/health?examined=yes")
    assert page.status == 200
    assert "An event runs." in page.words
    assert "Try again" in page.words


def test_what_is_found_leads_to_its_place(reader: Browser) -> None:
    """A field and a property are reached at their places, a record on its page, a file by its name."""
    page = reader.get("/search?q=sens")
    for address in (
        "panel/configuration/email?section=filtering#field-Sensitivity",
        'panel/configuration/email"',
        "panel/collaboration/users/record/alice",
        "settings/configuration/record?key=a%2Fb+%3F%26%23",
        "settings/accounts",
        "search?q=%2Fetc%2Fmail%2Fspamassassin%2Flocal.cf",
    ):
        assert f'href="/server-manager/{address}' in page.text
    assert "#field-MaxLoad" in page.text
    for heading in ("Pages", "Fields of pages", "Entries of lists", "Settings", "Files"):
        assert f">{heading}</h2>" in page.text


def test_results_have_label_and_name(reader: Browser) -> None:
    """A result is headed by its label, with the name of its setting behind it."""
    page = reader.get("/search?q=sens")
    assert "Spam sensitivity configuration spamassassin Sensitivity" in page.words
    assert "Highest load MaxLoad" in page.words


@pytest.mark.parametrize("address", ["/search", "/search?q=%20%0A"])
def test_nothing_is_looked_for_without_words(reader: Browser, address: str) -> None:
    """A search for nothing asks the helper nothing and says what to write."""
    assert "Write what you look for" in reader.get(address).words
    assert "search" not in reader.helper.verbs()


def test_sessions_can_all_be_ended(reader: Browser) -> None:
    """The sessions of the account are listed, this one is marked, and one button ends them all."""
    page = reader.get("/sessions")
    assert "192.0.2.7 (this session)" in page.words
    assert [action for action, _values in forms_of(page)] == ["/server-manager/logout-everywhere"]
