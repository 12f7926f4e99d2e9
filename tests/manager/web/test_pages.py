"""Pages: what they show of what the helper answers, and that nothing in it is ever more than text."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.manager import web
from tests.examples import examples
from tests.manager import fake_helper
from tests.manager.fake_helper import FaultError, choice, field, job, panel, preview
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser
from tests.manager.web.page_forms import Reader

_FOLDER = Path(web.__file__).parent
_TEMPLATES = sorted((_FOLDER / "templates").rglob("*.html"))
_WIDGETS = panel(
    choice("status", "enabled", "enabled", "disabled", unset="enabled", help="h", generated=["/etc/motd"]),
    choice("list", None, *"abcdefgh", custom="c"),
    field("Subject", value="v", shown_if={"field": "status", "values": ["enabled"]}, may_be_empty=True, unset="u"),
    field("lines", "lines", value=["v"]),
    field("checks", "checks", value=["v"], choices=[{"value": "w", "label": "w", "help": "h"}]),
    field("note", "note", note="n"),
    field("Passwd", "secret", is_set=True),
)
#: Where a text has to be one that is known: an id, a state, a kind.
_FIXED = frozenset(("id", "kind", "state", "widget", "outcome", "verb"))


def _everywhere(data: Any, text: str) -> Any:
    """Return an answer in which each text has another one behind it."""
    if isinstance(data, dict):
        return {name: value if name in _FIXED else _everywhere(value, text) for name, value in data.items()}
    if isinstance(data, list):
        return [_everywhere(value, text) for value in data]
    return data + text if isinstance(data, str) else data


def _skeleton(text: str) -> list[tuple[str, frozenset[str]]]:
    return [(element.tag, frozenset(element.attributes)) for element in Reader(text).elements]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A browser of somebody who is logged in; tests set what is answered."""
    made = Browser(tmp_path_factory.mktemp("socket"), {})
    yield made
    made.close()


_ANSWERS: dict[str, Any] = {
    "panel": _WIDGETS,
    "preview": preview(warnings=["w"], hints=["h"], notes=["n"], faults=[{"message": "m", "place": "p", "hint": "h"}]),
    "job": job(
        lines=[{"n": 1, "time": 1, "kind": "say", "text": "t"}],
        state="failed",
        error={"message": "m", "place": "p", "hint": "h", "settings_back": True, "files_back": True},
        result={"files": [], "services": {"s": ["restart"]}, "pending": {"s": "x"}, "left": {"f": "x"}, "notes": ["n"]},
    ),
    "jobs": {"jobs": [job()]},
    "health": {"findings": [{"severity": "warning", "what": "w"}]},
    "session": {**fake_helper.BASIC["session"], "unconfirmed": {"what": "w", "deadline": 1, "left": 60}},
    "navigation": {**fake_helper.BASIC["navigation"], "faults": [{"message": "m", "place": "p", "hint": "h"}]},
}


def _pages(browser: Browser) -> list[str]:
    browser.app._app.state.navigation.clear()  # type: ignore[attr-defined]
    pages = [browser.get(path).text for path in ("/", "/health/short", "/panel/configuration/email", "/job/1", "/jobs")]
    pages.append(browser.post("/panel/configuration/email/preview", {"v.Subject": "x", "kind.Subject": "text"}).text)
    return [page.replace(browser.csrf, "") for page in pages]


_MARKUP = (
    '"><i data-x=1>',
    "</textarea></pre><script>x</script>",
    "' onclick='x",
    "{{ 7*7 }}",
    "<!--",
    "&lt;b&gt;",
    "]]>",
)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.sampled_from(_MARKUP) | st.text(st.sampled_from("<>\"'&/={}%!- \n\u202e\x00\udc80ai"), max_size=12))
def test_whatever_is_shown_is_text(browser: Browser, text: str) -> None:
    """Markup and template syntax in any text of any answer is shown as text: no element and no attribute comes in."""
    plain: list[str] = []
    hostile: list[str] = []
    for pages, added in ((plain, "z"), (hostile, "z" + text)):
        browser.helper.answers |= {name: _everywhere(value, added) for name, value in _ANSWERS.items()}
        pages.extend(_pages(browser))
    assert [_skeleton(page) for page in hostile] == [_skeleton(page) for page in plain]
    if text == "{{ 7*7 }}":
        assert not any(">49<" in page or " 49" in page for page in hostile)


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: str(path.name))
def test_templates_have_no_code_of_their_own(template: Path) -> None:
    """No template has a script, style or handler in itself, marks anything as safe, or loads from elsewhere."""
    text = re.sub(r"\{#.*?#\}", "", template.read_text(), flags=re.DOTALL)
    assert not re.search(
        r"<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe\b|autoescape|hx-on|hx-vals|hx-headers", text
    )
    assert re.findall(r"<script\b(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"""\s(?:src|href|action)=["'](?!\{\{|#)""", text) == []
    assert "//" not in text


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: str(path.name))
def test_forms_that_post_have_the_token(template: Path) -> None:
    """Each form that posts carries the token of the session."""
    for form in re.findall(r'<form[^>]*method="(?:post|\{\{)[^>]*>.*?</form>', template.read_text(), re.DOTALL):
        assert "hidden_token(visit)" in form or "visit.csrf" in form


def test_vendored_files_are_as_they_were_published() -> None:
    """What others wrote is unchanged, and its licence is beside it."""
    folder = _FOLDER / "static/vendor"
    rows = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(rows) == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for name, digest in rows.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "Zero-Clause BSD" in (folder / "htmx-LICENSE").read_text()


def test_scripts_and_styles_load_nothing() -> None:
    """Our script and style sheet name no other server, make no code of texts, and put no text in as markup."""
    script = (_FOLDER / "static/manager.js").read_text()
    assert not re.search(r"https?:|eval\(|Function\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)
    assert not re.search(r"https?:|url\(|@import|expression", (_FOLDER / "static/style.css").read_text())


def test_styles_mirror_by_themselves() -> None:
    """The style sheet names no left and no right, so a language from right to left needs no other."""
    text = re.sub(r"/\*.*?\*/", "", (_FOLDER / "static/style.css").read_text(), flags=re.DOTALL)
    assert (
        re.findall(r"\b(?:margin|padding|border)-(?:left|right)|(?:^|[{;\s])(?:left|right|width|height)\s*:", text)
        == []
    )


def test_a_preview_says_what_it_will_do(browse: MakeBrowser) -> None:
    """A preview shows settings, differences with their signs, services, the commands, and what it cannot show."""
    row = field("level", "number", value="4", label="The level", settings=["configuration spamassassin TagLevel"])
    browser = browse({"panel": panel(row)})
    form = Reader(browser.get("/panel/configuration/email").text).form("/preview")
    page = browser.post("/panel/configuration/email/preview", form.with_values(v__level="5"))
    operation = {"kind": "form", "panel": "configuration/email", "values": {"level": "5"}, "revision": 17}
    assert browser.helper.arguments("preview") == {"operation": operation, "checks": False}
    for text in ("The level configuration spamassassin TagLevel : 4", "+required_score 5", "spamassassin : restart"):
        assert text in page.words
    for text in ("config setprop spamassassin TagLevel 5", "cannot be shown before"):
        assert text in page.words
    apply = Reader(page.text).form("/apply")
    answer = browser.post("/apply", [*apply.pairs, ("confirm", "5")])
    assert (answer.status, answer.location) == (
        303,
        "/server-manager/job/20261130-1?back=%2Fserver-manager%2Fpanel%2Fconfiguration%2Femail",
    )
    assert browser.helper.arguments("apply") == {"operation": operation, "confirm": None}
    assert ("v.level", "5") in Reader(page.text).form("/panel/configuration/email").pairs


def test_going_back_by_itself_is_offered(browse: MakeBrowser) -> None:
    """It is off unless the change affects how the panel is reached, and not offered where no file changes."""
    undo = {"operation": json.dumps({"kind": "undo", "revision": 3})}
    assert ("confirm", "0") in Reader(browse().post("/preview", undo).text).form("/apply").pairs
    for kind in ("action", "rollback", "service", "recover"):
        page = browse().post("/preview", {"operation": json.dumps({"kind": kind})})
        assert "confirm" not in dict(Reader(page.text).form("/apply").pairs)
    browser = browse({"preview": preview(reaches_panel=True)})
    assert ("confirm", "10") in Reader(browser.post("/preview", undo).text).form("/apply").pairs
    for files in ([], [{"path": "/etc/a", "left": "its fragment is broken"}]):
        page = browse({"preview": preview(reaches_panel=True, files=files)}).post("/preview", undo)
        assert "confirm" not in dict(Reader(page.text).form("/apply").pairs)
        assert "does not go back by itself" in page.text and "everything is restored" not in page.text
    for chosen, seconds in (("10", 600), ("0", None), ("7", None), ("x", None), ("-5", None)):
        browser.post("/apply", {**undo, "confirm": chosen})
        assert browser.helper.arguments("apply")["confirm"] == seconds


@pytest.mark.parametrize("state", [{"nothing": True}, {"refused": "a check refuses it"}])
def test_what_cannot_be_applied_has_no_button(browse: MakeBrowser, state: dict[str, Any]) -> None:
    """A change that changes nothing, or that is refused, is not offered to be applied."""
    browser = browse({"preview": preview(**state)})
    page = browser.post("/panel/configuration/email/preview", {"kind.a": "text", "v.a": "b"})
    assert "<button" in page.text
    assert ">Apply<" not in page.text


def test_verdicts_come_after_the_preview(browse: MakeBrowser) -> None:
    """The checks run when the difference is there already: as a part for htmx, or as the whole page without it."""
    verdict = {"outcome": "refused", "message": "line 3 is wrong"}
    checked = {"files": [{"path": "/etc/a", "verdict": verdict}], "refused": "a check refuses it"}
    browser = browse({"preview": lambda asked: preview(**checked) if asked["checks"] else preview()})
    page = browser.post("/preview", {"operation": '{"kind": "undo", "revision": 3}'})
    pairs = Reader(page.text).form("/apply").pairs
    assert "line 3 is wrong" not in page.words
    part = browser.post("/preview/checks", pairs, {"hx-request": "true"})
    assert "<html" not in part.text
    assert "line 3 is wrong" in part.words
    whole = browser.post("/preview/checks", pairs)
    assert "<html" in whole.text
    assert "line 3 is wrong" in whole.words


def test_a_new_secret_never_comes_back(browse: MakeBrowser) -> None:
    """What is typed as a secret goes to the helper in preview and apply, and into no page; nobody else can use it."""
    browser = browse({"panel": panel(field("Passwd", "secret", is_set=True))})
    form = Reader(browser.get("/panel/configuration/email").text).form("/preview")
    page = browser.post("/panel/configuration/email/preview", form.with_values(secret__Passwd="hidden-word"))
    pairs = Reader(page.text).form("/apply").pairs
    assert "hidden-word" not in page.text
    assert browser.helper.arguments("preview")["operation"]["values"] == {"Passwd": "hidden-word"}
    browser.helper.sessions.add("other")
    mine, browser.cookies = dict(browser.cookies), {"__Host-smanager": "other"}
    assert browser.post("/apply", [pair for pair in pairs if pair[0] != "csrf"]).status == 422
    browser.cookies = mine
    assert browser.post("/apply", pairs).status == 303
    assert browser.helper.arguments("apply")["operation"]["values"] == {"Passwd": "hidden-word"}
    assert browser.post("/apply", pairs).status == 422


@pytest.mark.parametrize("verb", ["preview", "apply"])
def test_a_conflict_shows_both_values(browse: MakeBrowser, verb: str) -> None:
    """Two administrators: the second sees who changed what, and chooses for each setting; nothing is overwritten."""
    cells = [
        {"field": name, "label": name, "yours": "9", "theirs": "5", "was": "4", "by": "bob", "at": 1, "command": "c"}
        for name in ("level", "other")
    ]

    def collide(arguments: dict[str, Any]) -> Any:
        if arguments["operation"]["revision"] == 17:
            raise FaultError("conflict", "Changed meanwhile.", conflict={"revision": 19, "cells": cells})
        return preview() if verb == "preview" else {"job": "1"}

    browser = browse({verb: collide})
    operation = {"kind": "form", "panel": "configuration/email", "values": {"level": "9", "other": "9"}, "revision": 17}
    page = browser.post(f"/{verb}", {"operation": json.dumps(operation), "form": '[["v.level", "9"]]'})
    assert page.status == 409
    for text in ("bob", "Yours: 9", "Theirs: 5"):
        assert text in page.words
    choices = [("take.level", "theirs"), ("take.other", "mine")]
    page = browser.post("/preview", [*Reader(page.text).form("/preview").pairs, *choices])
    assert browser.helper.arguments("preview")["operation"] == {**operation, "values": {"other": "9"}, "revision": 19}
    assert ("form", '[["v.level","9"]]') in Reader(page.text).form("/apply").pairs


def test_progress_goes_on_where_it_was(browse: MakeBrowser) -> None:
    """The stream of a job begins after the last line that the browser has, and ends with how the job ended."""
    lines = [{"n": n, "time": 1, "kind": "say", "text": f"line {n}\nid: 9\n\nevent: end"} for n in (1, 2, 3)]
    browser = browse({"follow": [*lines, job(state="failed")]})
    for path, headers, numbers in (
        ("/job/1/stream", {}, ["1", "2", "3"]),
        ("/job/1/stream?after=1", {}, ["2", "3"]),
        ("/job/1/stream?after=1", {"last-event-id": "2"}, ["3"]),
        ("/job/1/stream", {"last-event-id": "x"}, ["1", "2", "3"]),
    ):
        answer = browser.get(path, headers)
        assert answer.headers["content-type"] == "text/event-stream"
        assert re.findall(r"^id: (.*)$", answer.text, re.MULTILINE) == numbers
        assert re.findall(r"^event: (.*)$", answer.text, re.MULTILINE) == ["line"] * len(numbers) + ["end"]
        assert '"state": "failed"' in answer.text


def test_a_running_job_is_followed(browse: MakeBrowser) -> None:
    """A job that runs is followed from the line that the page has; without scripts the page loads itself again."""
    lines = [{"n": 4, "time": 1, "kind": "step", "text": "files"}]
    page = browse({"job": job(state="running", lines=lines, result=None, ended=None)}).get("/job/1")
    assert 'data-follow="/server-manager/job/20261130-1/stream?after=4"' in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text
    done = browse().get("/job/1")
    assert "refresh" not in done.text
    assert "data-follow" not in done.text


def test_a_failed_job_says_that_all_is_back(browse: MakeBrowser) -> None:
    """A job that failed shows message, place and cure, and that settings and files are as before."""
    error = {"message": "refused", "place": "/etc/a, line 3", "hint": "correct it", "settings_back": True}
    page = browse({"job": job(state="failed", error={**error, "files_back": True}, result=None)}).get("/job/1")
    for text in ("refused", "/etc/a, line 3", "correct it", "All settings and files are as they were before."):
        assert text in page.words


def test_a_job_leads_back(browse: MakeBrowser) -> None:
    """A job that was asked for by a form links to it, in its section; another page that an address names is no link."""
    operation = {"kind": "form", "panel": "configuration/email", "values": {}, "revision": 1}
    browser = browse({"job": job(operation=operation)})
    page = "/server-manager/panel/configuration/email"
    for back, link in ((f"{page}?section=delivery", f"{page}?section=delivery"), ("/server-manager/jobs", page)):
        assert f'<a class="button" href="{link}">' in browser.get("/job/1?" + urlencode({"back": back})).text


def test_an_unconfirmed_change_is_on_every_page(browse: MakeBrowser) -> None:
    """While a change waits to be confirmed, each page offers to keep it and to take it back."""
    session = {**fake_helper.BASIC["session"], "unconfirmed": {"what": "E-mail", "deadline": 1, "left": 540}}
    browser = browse({"session": {**session, "running": ["7"]}})
    for path in ("/", "/jobs", "/panel/configuration/email"):
        page = browser.get(path)
        assert "9 minutes" in page.words
        assert 'href="/server-manager/job/7"' in page.text
    keep, back = Reader(page.text).form("/confirm"), Reader(page.text).form("/take-back")
    assert browser.post("/confirm", keep.pairs).location == "/server-manager/panel/configuration/email?done=kept"
    foreign = [("back", "https://evil.example/"), *((n, v) for n, v in keep.pairs if n != "back")]
    assert browser.post("/confirm", foreign).location == "/server-manager/?done=kept"
    assert browser.post("/take-back", back.pairs).location == "/server-manager/job/20261130-2"
    assert "The change is kept." in browser.get("/?done=kept").words
    assert "evil" not in browser.get("/?done=evil").words
