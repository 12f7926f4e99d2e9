"""What is explained of a file, and of a line that is or is not as generated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esmith.errors import UsageError
from esmith.explain.files import AS_GENERATED, CHANGED_SINCE, FileExplainer
from esmith.layout import Layout
from esmith.store.protocol import Snapshot
from tests.explain.kit import explained
from tests.fragments.kit import Trees

Seen = tuple[Layout, Snapshot]
LOCAL = "/etc/mail/spamassassin/local.cf"
CUSTOM = "/etc/e-smith/templates-custom"


def _line(seen: Seen, path: str, text: str) -> dict[str, Any]:
    """Return the explanation of the first line of a file that holds a text."""
    lines = Path(seen[0].under(path)).read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if text in line)
    return FileExplainer(*seen).explain(path, number)


def test_a_line_of_the_administrator(seen: Seen) -> None:
    """A line of a custom fragment names that fragment and its line; no setting decides on it."""
    found = _line(seen, LOCAL, "SARE_ADULT2")
    (maker,) = found["makers"]
    assert (maker["path"], maker["layer"], maker["lines"]) == (f"{CUSTOM}{LOCAL}/20localscores", "custom", [[1, 1]])
    assert (maker["replaces"], maker["settings"]) == ("", [])


def test_a_custom_fragment_names_the_shipped_one(seen: Seen) -> None:
    """A custom fragment of the name of a shipped one says which it takes the place of."""
    (maker,) = _line(seen, LOCAL, "report_safe")["makers"]
    assert maker["replaces"] == f"/etc/e-smith/templates{LOCAL}/10report_safe"


def test_an_empty_fragment_makes_no_line(seen: Seen) -> None:
    """In the summary an empty custom fragment has no lines, and its place is that of the shipped one."""
    fragments = {one["path"].rpartition("/")[2]: one for one in FileExplainer(*seen).explain(LOCAL)["fragments"]}
    assert (fragments["10paths"]["lines"], fragments["10paths"]["layer"]) == ([], "custom")
    assert fragments["20localscores"]["lines"] and fragments["20localscores"]["layer"] == "custom"
    assert fragments["template-begin"]["lines"][0][0] == 1


def test_the_summary_covers_the_file(seen: Seen) -> None:
    """Each line of a file is that of one fragment of the summary."""
    lines = [
        number
        for one in FileExplainer(*seen).explain(LOCAL)["fragments"]
        for first, last in one["lines"]
        for number in range(first, last + 1)
    ]
    content = Path(seen[0].under(LOCAL)).read_text()
    assert lines == list(range(1, content.count("\n") + 1))


def test_who_reads_and_who_writes(seen: Seen) -> None:
    """A file names the services that read it, with their action, and the events that write it."""
    found = FileExplainer(*seen).explain(LOCAL)
    assert found["services"] == [{"name": "spamd", "action": "restart"}]
    assert "email-update" in found["events"]
    assert found["state"] == AS_GENERATED


def test_a_line_by_hand(seen: Seen) -> None:
    """A line that somebody wrote into a generated file is shown as no fragment's; those below it keep theirs."""
    found = FileExplainer(*seen).explain("/etc/pine.conf", 1)
    assert found["text"] == "# mine"
    assert "edited by hand" in found["unknown"] and found["makers"] == []
    below = _line(seen, "/etc/pine.conf", "example.com")
    assert [maker["path"].rpartition("/")[2] for maker in below["makers"]] == ["10domain"]


def test_a_setting_that_is_not_applied_yet(seen: Seen) -> None:
    """A file made from older settings says so; the line that goes is from before, the others are explained."""
    found = _line(seen, "/etc/clamd.conf", "MaxFileSize")
    assert found["state"] == CHANGED_SINCE
    assert "from before" in found["unknown"]
    assert _line(seen, "/etc/clamd.conf", "MaxFiles ")["makers"][0]["path"].endswith("/MaxFiles")


def test_a_secret_is_not_shown(seen: Seen) -> None:
    """A line of a fragment that reads a secret has no text, and the value of the setting is masked."""
    found = _line(seen, "/etc/box.conf", "password")
    assert found["text"] is None
    assert [one["value"] for one in found["makers"][0]["settings"] if one["property"] == "Password"] == ["****"]
    assert "hunter2" not in f"{found}"


@pytest.mark.parametrize(
    ("path", "text", "hint"),
    [
        ("/etc/clamd.con", "no template makes it", "did you mean: esmith explain /etc/clamd.conf"),
        ("/etc/passwd", "is not made by e-smith", ""),
        (f"{CUSTOM}{LOCAL}/20localscores", "is a fragment", f"esmith explain {LOCAL}"),
        ("/etc/e-smith/templates/etc/clamd.conf/MaxFiles", "is a fragment", "esmith explain /etc/clamd.conf"),
        ("/var/qmail/alias/.qmail-{key}", "stands for", "name one of them"),
    ],
)
def test_what_is_no_generated_file(path: str, text: str, hint: str, seen: Seen) -> None:
    """What no template makes is answered with what it is, and with the nearest name."""
    with pytest.raises(UsageError) as caught:
        FileExplainer(*seen).explain(path)
    assert text in caught.value.message
    assert hint in caught.value.hint


def test_a_line_that_is_not_there(seen: Seen) -> None:
    """A number beyond the end is refused with the number of lines."""
    with pytest.raises(UsageError, match="has no line 99999") as caught:
        FileExplainer(*seen).explain(LOCAL, 99999)
    assert "lines" in caught.value.hint


def test_one_of_many_files(seen: Seen) -> None:
    """A file of a template that makes one for each record is explained with its own record."""
    path = "/home/e-smith/files/users/tom/.qmail"
    found = FileExplainer(*seen).explain(path)
    assert found["template"] == "/home/e-smith/files/users/{key}/.qmail"
    settings = {(one["key"], one["property"]) for part in found["fragments"] for one in part["settings"]}
    assert ("tom", "EmailForward") in settings
    assert not any(key == "jack" for key, _ in settings)


def test_a_file_that_is_not_there(seen: Seen) -> None:
    """A file that its metadata leave out names the key that decides that, with its settings, also for a line of it."""
    for line in (None, 3):
        found = FileExplainer(*seen).explain("/var/service/qpsmtpd/config/badmailfrom", line)
        assert (found["kind"], found["state"]) == ("absent", "rightly not there")
        assert found["condition"]["key"] == "delete-when"
        assert found["condition"]["path"].endswith("/badmailfrom/template.toml")
        assert [one["key"] for one in found["condition"]["settings"]] == ["badmailfrom"]


def test_a_filter_of_the_whole_file(trees: Trees) -> None:
    """Where what is printed is not what the fragments gave, the answer is that no line is certain."""
    trees.standard("/t/10a", "a\n")
    assert explained(trees, "/t", None)["whole"] == ""
    assert explained(trees, "/t", None)["state"] == "not there yet"
    trees.file("/t").write_text("a\n")
    assert explained(trees, "/t", 1)["state"] in (AS_GENERATED, "not made by e-smith")


@pytest.mark.program("Text::Template")
def test_a_line_filter_in_perl(trees: Trees) -> None:
    """A template whose metadata filter each line in Perl says so for the file and for a line."""
    trees.standard("/t/10a", "a\nb\n")
    place = trees.file("/etc/e-smith/templates.metadata/t")
    place.write_text("FILTER = sub { uc $_[0] }\n")
    trees.file("/t").write_text("A\nB\n")
    assert "a filter of the whole file" in explained(trees, "/t")["whole"]
    found = explained(trees, "/t", 1)
    assert "a filter of the whole file" in found["unknown"] and found["makers"] == []


def test_lines_that_are_alike(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where thousands of lines are alike the nearest one counts; a line that nothing makes is still found to be one."""
    monkeypatch.setattr("esmith.explain.files._MOST_PAIRS", 4)
    trees.standard("/t/10a", "a\n" * 5 + "b\n" + "a\n" * 5)
    (Path(trees.layout.root) / "t").write_text("mine\n" + "a\n" * 5 + "b\n" + "a\n" * 5 + "mine\n")
    found = [explained(trees, "/t", line)["makers"] for line in (1, 4, 7, 13)]
    assert [[one["lines"] for one in makers] for makers in found] == [[], [[[4, 4]]], [[[6, 6]]], []]
