"""Generations: what each install changed, and what going back to it would set back."""

from __future__ import annotations

import pytest

from esmith.manager.helper.looks import installs
from tests.commands import Root
from tests.manager.reads.kit import ask, refused

LIFETIME = "/var/qmail/control/queuelifetime"


def test_one_generation(office: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generation has the diffs of its files and of the way back, with the settings; of a secret nothing is shown."""
    office.custom(LIFETIME, "7000\n")
    office.config("setprop", "smtp-auth-proxy", "status", "enabled", "Userid", "me", "Passwd", "kept-by-tom-99")
    office.config("set", "SMTPSmartHost", "mail.example.net")
    office.signal("email-update", code=None)
    last = ask(office, "generations")["generations"][0]
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.signal("email-update", code=None)
    kept = ask(office, "generations")["generations"]
    newest, number = kept[0]["generation"], last["generation"]
    assert newest > number
    assert last["count"] >= len(last["files"]) > 0

    one = ask(office, "generation", number=number)
    files = {file["path"]: file for file in one["files"]}
    assert "+7000" in files[LIFETIME]["diff"]
    assert "kept-by-tom-99" not in str(one)
    assert any(file["secret"] and not file["diff"] for file in files.values())
    assert {"database": "configuration", "key": "qpsmtpd", "property": "DNSBL"}.items() <= one["back"]["settings"][
        0
    ].items()
    assert one["back"]["taken_back"] == [newest]
    (way_back,) = [file for file in one["back"]["files"] if file["diff"]][:1]
    assert way_back["change"] == "replace"
    assert one["commands"][-1] == f"esmith rollback {number}"
    assert ask(office, "generation", number=newest)["back"] is None
    assert refused(office, "generation", number=newest + 1) == "not-found"

    monkeypatch.setattr(installs, "MOST_LINES", 2)
    cut = {file["path"]: file for file in ask(office, "generation", number=number)["files"]}
    assert sum(len(file["diff"]) for file in cut.values()) == 2
    assert sum(file["cut"] for file in cut.values()) > 0
