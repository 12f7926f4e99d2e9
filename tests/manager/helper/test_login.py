"""Who may log in: in a root folder by its password, on the machine by PAM; and whatever goes wrong is a refusal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esmith.errors import EsmithError, UsageError
from esmith.layout import Layout
from esmith.manager.helper import login
from esmith.manager.helper.login import (
    check_login,
    hash_password,
    password_file,
    read_settings,
    set_password,
    still_allowed,
)
from esmith.store import open_store
from esmith.store.model import Author
from tests.manager.helper.kit import ADDRESS, PASSWORD


def _set(layout: Layout, **props: str) -> None:
    store = open_store(layout, write=True)
    with store.transaction(Author.current(["test"])) as transaction:
        transaction.set_type("configuration", "smanager", "service")
        for name, value in props.items():
            transaction.set_prop("configuration", "smanager", name, value)
    store.close()


def _logs_in(layout: Layout, account: str = "admin", password: str = PASSWORD) -> bool:
    return check_login(layout, account, password, ADDRESS) is not None


def test_the_password_of_a_root_folder(layout: Layout) -> None:
    """In a root folder admin logs in with its password, and nobody else does, whoever the settings name."""
    _set(layout, Admins="tom,root")
    assert _logs_in(layout)
    for account in ("tom", "root", "", "admin ", "Admin", "no-such-account-of-server-manager"):
        assert not _logs_in(layout, account)
    for password in ("", "x", PASSWORD + "x", PASSWORD[:-1], PASSWORD + "\n", "x" * 5000):
        assert not _logs_in(layout, password=password)


def test_a_root_folder_without_a_password(layout: Layout) -> None:
    """Where no password is set nobody logs in, and the message names the command."""
    os.unlink(password_file(layout))
    with pytest.raises(UsageError, match="no password is set") as error:
        _logs_in(layout)
    assert "esmith manager password" in error.value.hint


@pytest.mark.parametrize("text", ["", "\n", "plain", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$eA$eA", "\xff" * 9])
def test_a_damaged_password_file(layout: Layout, text: str) -> None:
    """With a file that is no hash nobody logs in."""
    Path(password_file(layout)).write_bytes(text.encode("latin-1"))
    try:
        assert not _logs_in(layout)
    except UsageError:
        assert not text.strip()


def test_a_password_file_that_others_may_read(layout: Layout) -> None:
    """A file that others may read, or a link in its place, does not count."""
    file = Path(password_file(layout))
    file.chmod(0o640)
    with pytest.raises(UsageError):
        _logs_in(layout)
    file.chmod(0o600)
    file.rename(file.with_name("other"))
    file.symlink_to("other")
    with pytest.raises(OSError, match="symbolic links"):
        _logs_in(layout)


def test_how_a_password_is_kept(layout: Layout) -> None:
    """The password itself is nowhere; the file is for its owner, and is replaced as a whole."""
    file = Path(password_file(layout))
    assert file.read_text().startswith("$argon2id$")
    assert PASSWORD not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.stat().st_ino
    set_password(layout, "another password")
    assert file.stat().st_ino != before
    assert (_logs_in(layout), _logs_in(layout, password="another password")) == (False, True)
    with pytest.raises(UsageError, match="longer"):
        set_password(layout, "x" * 2000)


def test_what_nobody_has_costs_as_much() -> None:
    """To look at the password of an account that there is not takes as long as to look at one of admin."""
    assert login._NO_HASH.split("$")[:4] == hash_password("x").split("$")[:4]


def test_settings(layout: Layout) -> None:
    """The time without use is a setting; what is no such time does not count, nor does a missing record."""
    assert read_settings(layout).idle == 900
    for value, idle in (
        ("60", 60),
        ("86400", 86400),
        ("59", 900),
        ("", 900),
        ("x", 900),
        ("-5", 900),
        ("9" * 5000, 900),
    ):
        _set(layout, Timeout=value)
        assert read_settings(layout).idle == idle


def test_databases_that_cannot_be_read(layout: Layout) -> None:
    """Nobody logs in, and no session goes on, where the settings cannot be read."""
    mark = check_login(layout, "admin", PASSWORD, ADDRESS)
    assert mark is not None
    Path(layout.database, "data.mdb").write_bytes(b"x" * 5000)
    with pytest.raises(EsmithError):
        _logs_in(layout)
    with pytest.raises(EsmithError):
        still_allowed(layout, "admin", mark.mark)


# On the machine: with a PAM and a shadow(5) of the test.


class _Pam:
    """What pamela is for :mod:`esmith.manager.helper.login`, with one password for all, and answers of the test."""

    PAM_SUCCESS, PAM_RHOST, PAM_USER = 0, 4, 2

    class PAMError(Exception):
        """As there."""

    def __init__(self, answers: dict[str, int]) -> None:
        self.answers = {"start": 0, "authenticate": 0, "account": 0} | answers
        self.asked: list[tuple[str, str]] = []
        self.user = ""

    def new_simple_password_conv(self, passwords: tuple[str], _encoding: str) -> str:
        """Keep the password."""
        return passwords[0]

    def pam_start(self, service: str, account: str, conv_func: str) -> Any:
        """Begin, if that is to be."""
        if self.answers["start"]:
            raise self.PAMError
        assert service == "server-manager"
        self.asked.append((account, conv_func))
        user = self.user or account
        return SimpleNamespace(set_item=lambda *_: None, get_item=lambda _: user, password=conv_func)

    def PAM_AUTHENTICATE(self, handle: Any, _flags: int) -> int:
        """Compare the password."""
        return self.answers["authenticate"] or (0 if handle.password == PASSWORD else 7)

    def PAM_ACCT_MGMT(self, _handle: Any, _flags: int) -> int:
        """Say whether the account may log in."""
        return self.answers["account"]

    def PAM_END(self, _handle: Any, _answer: int) -> int:
        """End it."""
        return 0


@pytest.fixture
def machine(layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Layout:
    """Return the root as if it was the machine; its shadow(5) has admin, tom, and some who may not log in."""
    shadow = tmp_path / "shadow"
    day = int(time.time() // 86400)
    lines = ("admin:$y$a", "tom:$y$t", "locked:!$y$l", "none:*", f"late:$y$x::::::{day}:", f"soon:$y$s::::::{day + 1}:")
    shadow.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(login, "_SHADOW", str(shadow))
    monkeypatch.setattr(Layout, "is_machine", property(lambda _: True))
    _set(layout, Admins="tom, locked,none,late,soon,elsewhere,-x")
    return layout


def _with_pam(monkeypatch: pytest.MonkeyPatch, **answers: int) -> _Pam:
    pam = _Pam(answers)
    monkeypatch.setitem(sys.modules, "pamela", pam)
    return pam


def test_who_may_log_in_on_the_machine(machine: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Admin and those whom the setting names log in, where PAM says so; locked and expired ones and root do not."""
    pam = _with_pam(monkeypatch)
    found = {name: _logs_in(machine, name) for name in ("admin", "tom", "soon", "elsewhere")}
    assert found == dict.fromkeys(found, True)
    for name in ("locked", "none", "late", "root", "jack", "", "-x", "tom ", "tom\n", "tom/x"):
        assert not _logs_in(machine, name), name
    assert not _logs_in(machine, "tom", "wrong")
    # Of those who may not, PAM hears neither name nor password: its time would say whether the password is right.
    assert {account for account, word in pam.asked if word == "x"} == {login._NOBODY}
    assert {account for account, _ in pam.asked} <= {*found, "locked", "none", "late", login._NOBODY}


@pytest.mark.parametrize("step", ["start", "authenticate", "account"])
def test_whatever_pam_says_but_yes_is_no(machine: Layout, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """An error of any step of PAM is a refusal."""
    _with_pam(monkeypatch, **{step: 9})
    assert not _logs_in(machine, "tom")


def test_pam_that_makes_somebody_else_of_one(machine: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a module of PAM lets another account in, nobody is let in."""
    _with_pam(monkeypatch).user = "root"
    assert not _logs_in(machine, "tom")


def test_pam_without_a_library(machine: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PAM cannot be asked it is an error, and no login."""
    monkeypatch.setitem(sys.modules, "pamela", None)
    with pytest.raises(ImportError):
        _logs_in(machine, "tom")


def test_who_is_not_an_administrator_any_more(machine: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session ends when its account is not named any more, is locked, expires, or has another password."""
    _with_pam(monkeypatch)
    verdict = check_login(machine, "tom", PASSWORD, ADDRESS)
    assert verdict is not None
    assert still_allowed(machine, "tom", verdict.mark)
    shadow = Path(login._SHADOW)
    for line in ("tom:!$y$t", "tom:$y$other", "tom:$y$t::::::1:", "tom:"):
        shadow.write_text(f"{line}\n")
        assert not still_allowed(machine, "tom", verdict.mark), line
    shadow.write_text("tom:$y$t\n")
    assert still_allowed(machine, "tom", verdict.mark)
    _set(machine, Admins="jack")
    assert not still_allowed(machine, "tom", verdict.mark)


@pytest.mark.root("it mounts a PAM of its own over the machine's")
def test_the_real_pam(tmp_path: Path) -> None:
    """The real PAM decides, also about locked and expired accounts; without the file of this service nobody logs in."""
    ask = Path(__file__).with_name("real_pam.py")
    words = ["unshare", "--mount", "--propagation", "private", sys.executable, str(ask), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if "cannot be mounted" in done.stdout:
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["good", "wrong", "locked", "expired", "unknown", "empty", "no-file"]
