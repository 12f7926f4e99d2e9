"""Who changed what: ``esmith history``, and that it shows no secrets."""

from __future__ import annotations

import json
import os
import pwd
import re
from typing import Any

import pytest

from tests.commands import Root
from tests.store.stores import opened, put

PASSWORD = "hunter2-Geheim"
#: A contrib's record type with a secret, for any number of records.
VPN = """
type = "vpn"
[properties.Secret]
type = "secret"
[properties.Note]
type = "text"
"""


def history(root: Root, *words: str) -> list[dict[str, Any]]:
    """Return the revisions, the newest first."""
    found = json.loads(root.esmith("history", "--json", *words).out)
    assert isinstance(found, list)
    return found


def test_what_is_shown(bare: Root) -> None:
    """A revision is one line with number, time, user and command, and one line for each change."""
    bare.db("t", "set", "k", "v", "p", "", "q", "x y")
    bare.db("t", "setprop", "k", "p", "1")
    bare.db("t", "delprop", "k", "q")
    user = pwd.getpwuid(os.getuid()).pw_name
    out = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", bare.esmith("history").out)
    assert out == (
        f"revision 3  TIME  {user}  db t delprop k q\n"
        "    t k q: x y -> (none)\n"
        f"revision 2  TIME  {user}  db t setprop k p 1\n"
        "    t k p: (empty) -> 1\n"
        f"revision 1  TIME  {user}  db t set k v p  q x y\n"
        "    t k: (none) -> v\n"
        "    t k p: (none) -> (empty)\n"
        "    t k q: (none) -> x y\n"
    )


def test_as_json(bare: Root) -> None:
    """With --json a revision is an object; missing values are null."""
    bare.db("t", "set", "é", "v", "p", "")
    (revision,) = history(bare)
    assert revision["changes"] == [
        {"database": "t", "key": "é", "property": "", "old": None, "new": "v"},
        {"database": "t", "key": "é", "property": "p", "old": None, "new": ""},
    ]
    assert revision["command"] == "db t set é v p "
    assert (revision["revision"], revision["sudo_user"]) == (1, "")


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ([], [30, *range(29, 10, -1)]),
        (["--limit", "2"], [30, 29]),
        (["--limit", "0"], list(range(30, 0, -1))),
        (["--database", "t"], [29, 28]),
        (["--key", "k3"], [4]),
        (["--key", "k", "--limit", "1"], [30]),
        (["--database", "t", "--key", "k"], [28]),
        (["--database", "nosuch"], []),
    ],
)
def test_choosing_revisions(bare: Root, words: list[str], numbers: list[int]) -> None:
    """--limit, --database and --key choose; without them the last twenty are shown."""
    with opened(bare.path) as store:
        for number in range(27):
            put(store, "u", f"k{number}", "v")
        put(store, "t", "k", "v")
        put(store, "t", "l", "v")
        put(store, "u", "k", "v")
    assert [revision["revision"] for revision in history(bare, *words)] == numbers


def test_sudo(bare: Root) -> None:
    """Who called sudo is noted beside the user."""
    bare.run("db", "t", "set", "k", "v", env={"SUDO_USER": "alice"})
    user = pwd.getpwuid(os.getuid()).pw_name
    assert f"{user} (sudo by alice)  db t set k v" in bare.esmith("history").out
    assert history(bare)[0]["sudo_user"] == "alice"


def test_a_sudo_user_that_is_not_utf8(bare: Root) -> None:
    """An odd SUDO_USER does not keep a setting from being stored."""
    bare.run("db", "t", "set", "k", "v", env={"SUDO_USER": "\udcff"})
    assert bare.db("t", "get", "k").out == "v\n"
    assert len(history(bare)) == 1


def secret_words(root: Root) -> str:
    """Return all that history shows, in both forms."""
    return root.esmith("history", "--limit", "0").out + root.esmith("history", "--limit", "0", "--json").out


def test_secrets_are_masked(root: Root) -> None:
    """The old and the new value of a secret are masked, and its words in the command; the rest is shown."""
    root.config("setprop", "smtp-auth-proxy", "Userid", "bob", "Passwd", PASSWORD)
    root.config("setprop", "smtp-auth-proxy", "Passwd", "other-Geheim")
    root.config("delprop", "smtp-auth-proxy", "Passwd")
    shown = secret_words(root)
    assert PASSWORD not in shown
    assert "other-Geheim" not in shown
    assert "config setprop smtp-auth-proxy Userid bob Passwd ****" in shown
    assert "smtp-auth-proxy Passwd: **** -> (none)" in shown
    assert root.config("getprop", "smtp-auth-proxy", "Passwd", code=1).out == ""


def test_a_generated_secret_is_masked(root: Root) -> None:
    """A password that ``esmith init`` made is not shown."""
    made = root.config("getprop", "horde", "DbPassword").out.strip()
    assert len(made) == 57
    assert made not in secret_words(root)


def test_a_secret_that_did_not_change_is_masked_in_the_command(root: Root) -> None:
    """A secret that is repeated on the command line, unchanged beside another change, is masked there too."""
    root.config("setprop", "smtp-auth-proxy", "Passwd", PASSWORD)
    root.config("setprop", "smtp-auth-proxy", "Userid", "bob", "Passwd", PASSWORD)
    assert PASSWORD not in secret_words(root)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([["delete", "office"]], id="deleted"),
        pytest.param([["settype", "office", "vpn-deleted"], ["delete", "office"]], id="retyped and deleted"),
        pytest.param([["settype", "office", "other"]], id="retyped"),
        pytest.param([["set", "office", "other", "Note", "x"]], id="replaced"),
    ],
)
def test_secrets_of_a_type_stay_masked(root: Root, later: list[list[str]]) -> None:
    """A secret that the schema of a record type marks stays masked when the record is gone or has another type."""
    root.write("/etc/e-smith/db/accounts/@vpn.toml", VPN)
    root.db("accounts", "set", "office", "vpn", "Secret", PASSWORD, "Note", "remark")
    for words in later:
        root.db("accounts", *words)
    shown = secret_words(root)
    assert PASSWORD not in shown
    assert "remark" in shown


def test_undo_masks_secrets(root: Root) -> None:
    """What ``esmith undo`` shows has no secrets either, and the secret comes back."""
    root.config("setprop", "smtp-auth-proxy", "Passwd", PASSWORD)
    root.config("setprop", "smtp-auth-proxy", "Passwd", "other")
    number = history(root)[0]["revision"]
    answer = root.esmith("undo", str(number))
    assert answer.out == "configuration smtp-auth-proxy Passwd: **** -> ****\n"
    assert root.config("getprop", "smtp-auth-proxy", "Passwd").out == f"{PASSWORD}\n"


def test_refusals_show_no_secret(root: Root) -> None:
    """A secret that is refused is not repeated in the message."""
    for value in (f"{PASSWORD}\n", PASSWORD * 5000):
        answer = root.config("setprop", "smtp-auth-proxy", "Passwd", value, code=3)
        assert PASSWORD not in answer.err + answer.out
