"""These pages with what the verbs of the helper answer: from a form in the browser to the settings of an office."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.manager.helper.context import Context, VerbError
from esmith.manager.helper.server import all_verbs
from tests.commands import Root
from tests.manager.fake_helper import FaultError
from tests.manager.pages.forms import form_of
from tests.manager.verbs.kit import run_here
from tests.manager.web.browser import Browser, Page
from tests.manager.web.conftest import MakeBrowser

USERS = "/panel/collaboration/users"
#: Addresses of pages, and a word that each shows of the office.
PAGES = (
    (USERS, "tom"), (f"{USERS}/new", "First name"), (f"{USERS}/record/tom", "E-mail delivery"),
    ("/panel/collaboration/groups", "group1"), ("/panel/collaboration/pseudonyms", "boss@test.com"),
    ("/panel/configuration/domains", "test.com"), ("/panel/security/localnetworks", "10.0.0.0"),
    ("/changes", "Revision"), ("/changes/3", "What it changed"), ("/generations", "Generation 1"),
    ("/generations/1", "What it changed in the files"), ("/services", "esmith services"), ("/health", "esmith status"),
    ("/health?examined=yes", "Was not looked at"), ("/settings", "accounts"), ("/settings/accounts", "group2"),
    ("/settings/accounts/new", "pseudonym"), ("/settings/accounts/new?type=user", "Name of the record"),
    ("/settings/configuration/record?key=qpsmtpd", "service"),
    ("/settings/configuration/record?key=DomainName", "example.com"),
    ("/search?q=TagLevel", "TagLevel"), ("/search?q=local.cf", "/etc/mail/spamassassin/local.cf"),
)  # fmt: skip


def _answering(root: Root) -> dict[str, Any]:
    """Return the verbs, as they answer for a root."""
    context = Context(Layout(str(root.path)), "admin", "192.0.2.7")

    def call(verb: Any) -> Any:
        def answer(arguments: dict[str, Any]) -> Any:
            try:
                return verb(context, arguments)
            except EsmithError as error:
                refusal = VerbError.of(error)
            except VerbError as error:
                refusal = error
            raise FaultError(refusal.kind, refusal.message, **refusal.more)

        return answer

    return {name: call(verb) for name, verb in all_verbs().items()}


@pytest.fixture
def desk(office: Root, browse: MakeBrowser, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Return a browser of the office; jobs are done before the answer comes."""
    run_here(monkeypatch)
    return browse(_answering(office))


def _applied(desk: Browser, page: Page) -> Page:
    """Apply what a preview shows, and return the page of the job."""
    assert page.status == 200, page.words
    answer = desk.post("/apply", form_of(page, "/apply"))
    assert answer.status == 303, answer.words
    job = desk.get(answer.location.removeprefix("/server-manager"))
    assert desk.helper.answers["jobs"]({})["jobs"][0]["state"] == "done", job.words
    return job


def test_each_page_shows_the_office(desk: Browser) -> None:
    """Each page can show what its verb answers, and a name that is taken is refused at its field."""
    for address, word in PAGES:
        page = desk.get(address)
        assert page.status == 200, (address, page.words)
        assert word in page.text, address
    form = form_of(desk.get(f"{USERS}/new")) | {"v.new record": "tom", "v.FirstName": "T", "v.LastName": "T"}
    page = desk.post(f"{USERS}/new/preview", form)
    assert page.status == 422
    assert 'aria-invalid="true"' in page.text


def test_from_the_form_to_the_settings(desk: Browser, office: Root) -> None:
    """A user is made, changed and deleted; a setting is changed and undone; a generation is restored."""
    form = form_of(desk.get(f"{USERS}/new")) | {"v.new record": "maria", "v.FirstName": "Maria", "v.LastName": "O'Hara"}
    _applied(desk, desk.post(f"{USERS}/new/preview", form))
    assert office.db("accounts", "getprop", "maria", "LastName").out == "O'Hara\n"
    form = form_of(desk.get(f"{USERS}/record/maria")) | {"v.City": "Rome"}
    _applied(desk, desk.post(f"{USERS}/record/maria/preview", form))
    assert office.db("accounts", "getprop", "maria", "City").out == "Rome\n"
    assert "From 192.0.2.7" in desk.get("/changes").words
    _applied(desk, desk.post("/preview", form_of(desk.get(f"{USERS}/record/maria/delete"), "/preview")))
    assert "maria" not in desk.get(USERS).words

    record = "/settings/configuration/record?key=qpsmtpd"
    form = form_of(desk.get(record), "record/preview") | {"v.MaxLoad": "9"}
    _applied(desk, desk.post("/settings/configuration/record/preview?key=qpsmtpd", form))
    assert office.config("getprop", "qpsmtpd", "MaxLoad").out == "9\n"
    before = desk.helper.answers["generations"]({})["generations"][1]["generation"]
    number = desk.helper.answers["history"]({"size": 1})["revisions"][0]["revision"]
    _applied(desk, desk.post("/preview", form_of(desk.get(f"/changes/{number}"), "/preview")))
    assert office.config("getprop", "qpsmtpd", "MaxLoad", code=None).out != "9\n"
    _applied(desk, desk.post("/preview", form_of(desk.get(f"/generations/{before}"), "/preview")))
