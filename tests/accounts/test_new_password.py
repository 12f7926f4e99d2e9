"""A new password: set by the machine's program, or kept as a hash in a root folder."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from esmith.accounts.folder import Folder
from esmith.accounts.hashing import hash_of
from esmith.accounts.new_password import SHORTEST, set_password
from esmith.errors import InstallError, RefusedError
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from tests.accounts.test_users import HOMES, Desk
from tests.commands import Root

GOOD = "p:ässwort 'x' $1"


@pytest.fixture
def desk(root: Root, tmp_path: Path) -> Desk:
    """Return a desk with the unix account mary."""
    desk = Desk(root, tmp_path / "machine")
    desk.machine.has("passwd", f"mary:x:5001:5001::{HOMES}/mary:/bin/false")
    return desk


def is_of(password: str, text: str) -> bool:
    """Return whether a hash is that of a password (crypt(3))."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return bool(library.crypt(password.encode(), text.encode()) == text.encode())


def test_the_program_reads_it(desk: Desk) -> None:
    """chpasswd(8) gets account and password by standard input: no argument shows them."""
    set_password(desk.layout, "mary", GOOD, desk.machine)
    assert desk.machine.calls == ["chpasswd"]
    assert (desk.machine.folder / "hashes").read_text() == f"mary:{GOOD}\n"


def test_the_administrator(desk: Desk) -> None:
    """admin, whose home is not among those of the users, gets a password as well."""
    desk.machine.has("passwd", "admin:x:101:101::/home/e-smith:/bin/false")
    set_password(desk.layout, "admin", GOOD, desk.machine)
    assert desk.machine.calls == ["chpasswd"]


def test_a_failure_does_not_show_it(desk: Desk) -> None:
    """When the program fails, the error has its exit status and not the password."""
    desk.machine.replace("chpasswd", "exit 1")
    with pytest.raises(InstallError, match="chpasswd failed with exit status 1") as caught:
        set_password(desk.layout, "mary", GOOD, desk.machine)
    assert GOOD not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "root:x:0:0:root:/root:/bin/bash",
        "backup:x:34:34:backup:/var/backups:/bin/false",
        f"toor:x:0:0::{HOMES}/toor:/bin/sh",
        "admin:x:1000:1000::/home/admin:/bin/sh",
        "nobody-here",
    ],
)
def test_accounts_that_are_no_users(desk: Desk, line: str) -> None:
    """Neither root, whatever its name, nor an account of the system or a missing one gets a password."""
    name = line.partition(":")[0]
    if ":" in line:
        desk.machine.has("passwd", line)
    with pytest.raises(RefusedError, match=rf"unix account {name}"):
        set_password(desk.layout, name, GOOD, desk.machine)
    assert desk.machine.calls == []


@pytest.mark.parametrize(
    "password", ["", "x" * (SHORTEST - 1), "x" * 512, "ä" * 256, "two\nroot:lines", "a\0zero byte", "bell\a in it"]
)
def test_what_is_no_password(desk: Desk, password: str) -> None:
    """What is too short or too long, or would be more than one line for the program, is refused and not shown."""
    with pytest.raises(RefusedError) as caught:
        set_password(desk.layout, "mary", password, desk.machine)
    assert not password or password not in str(caught.value)
    assert desk.machine.calls == []


def test_a_root_folder_keeps_the_hash(root: Root) -> None:
    """In a root folder the hash is in its own shadow file; locking spoils it, and the user's end removes it."""
    layout, shadow = Layout(str(root.path)), root.file("/etc/shadow")
    line = f"mary:x:5001:5001::{HOMES}/mary:/bin/false\n"
    root.file("/etc/passwd").write_text(root.file("/etc/passwd").read_text() + line)
    set_password(layout, "mary", "old password")
    set_password(layout, "mary", GOOD)
    (kept,) = shadow.read_text().splitlines()
    assert kept.startswith("mary:$")
    assert kept.endswith(":::::::")
    assert is_of(GOOD, kept.split(":")[1])
    assert GOOD not in kept
    assert os.stat(shadow).st_mode & 0o7777 == 0o600
    book = Folder(layout, DiskHost(layout))
    for _ in range(2):
        book.lock("mary")
        assert shadow.read_text() == kept.replace(":$", ":!$") + "\n"
    book.lock("tom")
    book.remove_user("mary")
    assert shadow.read_text() == ""


def test_two_hashes_of_one_password_differ() -> None:
    """Each hash has a salt of its own."""
    first, second = hash_of(GOOD), hash_of(GOOD)
    assert first != second
    assert is_of(GOOD, first)
    assert is_of(GOOD, second)
    assert not is_of(GOOD[:-1], first)
