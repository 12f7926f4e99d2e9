"""The commands: what they print as JSON and for people, and that they only look."""

from __future__ import annotations

import json
import re

import pytest

from tests.commands import Root, copy_tree
from tests.events.kit import make_event
from tests.explain.conftest import SECRET

LOCAL = "/etc/mail/spamassassin/local.cf"


def test_a_file_as_json(worked: Root) -> None:
    """A line as JSON has its fragment, the line there, and each setting with the revision that it is from."""
    data = json.loads(worked.esmith("explain", "--json", "/var/service/qpsmtpd/config/peers/0:28").out)
    assert data["text"] == "dnsbl reject naughty reject_type disconnect"
    (maker,) = data["makers"]
    assert maker["lines"] == [[2, 2]]
    (setting,) = maker["settings"]
    assert setting["changed"]["command"] == "config setprop qpsmtpd DNSBL enabled"
    assert {"revision", "time", "user", "sudo_user", "command"} == setting["changed"].keys()


def test_a_name_as_json(worked: Root) -> None:
    """A name that is a record and a service has both, and what would change with --if."""
    data = json.loads(worked.esmith("explain", "--json", "spamd").out)
    assert (data["record"]["key"], data["service"]["name"]) == ("spamd", "spamd")
    data = json.loads(worked.esmith("explain", "qpsmtpd", "DNSBL", "--if", "disabled", "--json").out)
    assert data["service"] is None
    assert [one["change"] for one in data["if"]["files"]] == ["replace"]


def test_only_looking(worked: Root) -> None:
    """Nothing is written, neither a file nor a revision, by any of the commands that only look."""
    folders = ("/etc", "/var", "/home/e-smith/files", "/sbin")
    before, history = worked.snapshot(*folders), worked.esmith("history", "--limit", "1").out
    worked.esmith("explain", LOCAL)
    worked.esmith("explain", "qpsmtpd", "DNSBL", "--if", "disabled")
    worked.config("describe", "clamav", "MaxFileSize")
    worked.config("list", "--changed")
    worked.config("search", "virus")
    worked.signal("--list")
    after = worked.snapshot(*folders)
    # What is kept only to be faster is no state.
    own = {path for path in after if path.startswith("/var/lib/e-smith/code/")}
    assert {path: after[path] for path in after.keys() - own} == {path: before[path] for path in before.keys() - own}
    assert worked.esmith("history", "--limit", "1").out == history


def test_no_secret_is_printed(worked: Root) -> None:
    """A secret is in no answer, whatever form it has."""
    for words in (("/etc/box.conf",), ("--json", "/etc/box.conf:1"), ("box",), ("--json", "box", "Port", "--if", "2")):
        assert SECRET not in worked.esmith("explain", *words).out
    for words in (("list",), ("search", "box")):
        assert SECRET not in worked.config(*words).out
    assert worked.config("search", "hunter2", code=1).out == ""


def test_what_is_listed(worked: Root) -> None:
    """The list of changed settings has one line for each, with its default."""
    lines = worked.config("list", "--changed").out.splitlines()
    assert "clamav MaxFileSize = 20M  (default 15M)" in lines
    assert "box Password = ****  (no schema file knows it)" in lines
    assert not any(line.startswith("spamd ") for line in lines)
    data = json.loads(worked.config("--json", "list", "--changed").out)
    assert [one["default"] for one in data if one["property"] == "MaxFileSize"] == ["15M"]


def test_describing(worked: Root) -> None:
    """A setting and the records of a type are described; an unknown name is answered with exit code 1."""
    assert "takes: a size" in worked.config("describe", "clamav", "MaxFileSize").out
    assert "EmailForward" in worked.db("accounts", "describe", "user").out
    assert json.loads(worked.config("--json", "describe", "clamav", "MaxFileSize").out)["settings"][0]["known"]
    assert "did you mean 'clamav'" in worked.config("describe", "clamaw", code=1).err
    assert "no property" in worked.config("describe", "clamav", "MaxFileSiz", code=1).err


@pytest.mark.parametrize(
    "words", [("describe",), ("describe", "a", "b", "c"), ("list", "x"), ("search",), ("edit",), ("edit", "a", "b")]
)
def test_wrong_operands(words: tuple[str, ...], worked: Root) -> None:
    """A wrong call of a verb shows how that one is called."""
    assert f"usage: db DATABASE {words[0]}" in worked.config(*words, code=2).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("qpsmtpd", "--if", "x"), "--if goes with one setting"),
        ((LOCAL, "--if", "x"), "--if goes with a setting"),
        (("a", "b", "c", "d"), "at most three words"),
    ],
)
def test_wrong_arguments(words: tuple[str, ...], message: str, worked: Root) -> None:
    """What does not go together is refused."""
    assert message in worked.esmith("explain", *words, code=2).err


def test_text_of_others_is_shown_by_its_codes(worked: Root, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A control character of a file or a value does not reach the terminal."""
    path = tmp_path_factory.mktemp("codes") / "root"
    copy_tree(worked.path, path)
    root = Root(path)
    root.write("/etc/pine.conf", "\x1b[2J own\n")
    assert "\\x1b[2J own" in root.esmith("explain", "/etc/pine.conf:1").out
    assert "\x1b" not in root.esmith("explain", "--json", "/etc/pine.conf:1").out


def test_the_events(worked: Root) -> None:
    """Each event is listed with what it is for."""
    lines = dict(line.split(None, 1) for line in worked.signal("--list").out.splitlines())
    assert lines["email-update"] == "A setting of the mail system was changed."
    assert lines["box-update"].startswith("expands 1 template")
    assert worked.signal("--list", "email-update", code=2).err.endswith("--list goes without EVENT\n")
    assert "Missing argument 'EVENT'" in worked.signal(code=2).err


def test_events_of_others(root: Root) -> None:
    """An event of a contrib is listed as not shipped, with its own line; a broken one with its fault."""
    place = make_event(root.path, "own", templates="/etc/clamd.conf\n", services="clamd restart\n")
    root.write("/etc/e-smith/events/own/event.toml", 'help = "For me."\n')
    make_event(root.path, "broken", templates="x\n")
    make_event(root.path, "silent", templates="/etc/clamd.conf\n", services="clamd restart\n")
    root.write("/etc/e-smith/events/silent/event.toml", "help = 1\n")
    found = {one["name"]: one for one in json.loads(root.signal("--list", "--json").out)}
    assert (found["own"]["help"], found["own"]["by"]) == ("For me.", "other")
    assert found["own"]["services"] == {"clamd": ["restart"]}
    assert "is not an absolute path" in found["broken"]["fault"]
    assert "help" in found["silent"]["fault"] and found["silent"]["templates"] == ["/etc/clamd.conf"]
    assert "event.toml" not in root.signal("--dry-run", "own").err
    assert place.is_dir()


def test_a_new_user_finds_the_reason_of_a_line(worked: Root) -> None:
    """The help of esmith has a command for it: with the file and the line in question it names fragment and setting."""
    shown = re.search(r"^ +(esmith explain )/\S+:\d+$", worked.esmith("--help").out, re.MULTILINE)
    assert shown is not None
    number = (
        worked.lines("/var/service/qpsmtpd/config/peers/0").index("dnsbl reject naughty reject_type disconnect") + 1
    )
    answer = worked.esmith(*shown[1].split()[1:], f"/var/service/qpsmtpd/config/peers/0:{number}").out
    assert "/etc/e-smith/templates/var/service/qpsmtpd/config/peers/0/22dnsbl, line 2 (shipped)" in answer
    assert "configuration qpsmtpd DNSBL = enabled" in answer
