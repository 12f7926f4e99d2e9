"""The passwords of an old server's users, from the lines of its shadow file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from esmith.accounts.passwords import Passwords
from tests.accounts.test_users import HOMES, Desk
from tests.commands import Root

#: Hashes of the password "geheim", each as one kind of system makes it (crypt(5)).
HASHES = {
    "SHA-512": "$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7jGc/IZY/",
    "SHA-256": "$5$abcdefgh$azU9PNNJw9essBuwq5yihWY9lFXM0dF54Ph4sAxX.YB",
    "MD5": "$1$abcdefgh$eKehL.s8tG6zTf8hBtmEF.",
    "bcrypt": "$2y$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu",
    "yescrypt": "$y$j9T$abcdefgh$GxCeQreerYP7WYNXxV9BftndBRQBXf2528rchsi.eVD",
    "DES": "abOkmxXhjDb.Y",
}
REST = "19000:0:99999:7:::"
GOOD = HASHES["SHA-512"]


@pytest.fixture
def desk(root: Root, tmp_path: Path) -> Desk:
    """Return a desk with the user mary."""
    desk = Desk(root, tmp_path / "machine")
    desk.record("mary", "user")
    desk.machine.has("passwd", f"mary:x:5001:5001::{HOMES}/mary:/bin/false")
    return desk


def taken(desk: Desk, *lines: str) -> Passwords:
    """Return what is taken of the lines of a shadow file."""
    with desk.store.snapshot() as snapshot:
        found = Passwords(snapshot, desk.machine)
        found.take("".join(f"{line}\n" for line in lines).encode())
    return found


@pytest.mark.parametrize("text", HASHES.values(), ids=HASHES)
def test_each_kind_of_hash(desk: Desk, text: str) -> None:
    """Every kind of hash that Debian's libcrypt reads is taken as it stands."""
    found = taken(desk, f"mary:{text}:{REST}")
    assert (found.hashes, found.left, found.others) == ({"mary": text}, [], 0)


@pytest.mark.program("perl")
@pytest.mark.parametrize("text", HASHES.values(), ids=HASHES)
def test_the_system_knows_each_kind(text: str) -> None:
    """The password fits each of these hashes on this system: crypt(3) makes the same of it."""
    script = "print crypt('geheim', $ARGV[0])"
    done = subprocess.run(["perl", "-e", script, text], capture_output=True, text=True, check=True)
    assert done.stdout == text


LEFT = {
    "no password": ("mary:!!", "it had no password, or a locked one"),
    "no login": ("mary:*", "it had no password, or a locked one"),
    "locked": (f"mary:!{GOOD}", "it had no password, or a locked one"),
    "empty": ("mary:", "it had an empty password"),
    "no hash": ("mary:geheim", "no hash that this system knows"),
    "a kind nobody knows": ("mary:$9$abc$def", "no hash that this system knows"),
    "SHA-512 for hours": (f"mary:$6$rounds=999999999$ab${'0' * 86}", "one that takes long to check"),
    "bcrypt for days": (f"mary:$2y$31${'0' * 53}", "one that takes long to check"),
    "yescrypt with all memory": (f"mary:$y$jFT$ab${'0' * 43}", "one that takes long to check"),
    "scrypt with all memory": (f"mary:$7$zzzzz/....ab${'0' * 43}", "one that takes long to check"),
    "cut off": (f"mary:{GOOD[:-1]}", "no hash that this system knows"),
    "root": (f"root:{GOOD}", "it is root; set its password by hand: passwd root"),
    "admin": (f"admin:{GOOD}", "set its password by hand: passwd admin"),
    "no unix account": (f"new:{GOOD}", "there is no unix account"),
    "another account": (f"backup:{GOOD}", "not the user's: its home is /var/backups"),
    "root by another name": (f"toor:{GOOD}", "not the user's"),
}


@pytest.mark.parametrize(("line", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_out(desk: Desk, line: str, reason: str) -> None:
    """Neither root nor an account of the system ever gets a password, and no user an empty one."""
    for name in ("root", "admin", "new", "backup", "toor"):
        desk.record(name, "user")
    desk.machine.has("passwd", "root:x:0:0:root:/root:/bin/bash")
    desk.machine.has("passwd", "admin:x:101:101::/home/e-smith:/bin/false")
    desk.machine.has("passwd", "backup:x:34:34:backup:/var/backups:/bin/false")
    desk.machine.has("passwd", f"toor:x:0:0::{HOMES}/toor:/bin/sh")
    found = taken(desk, f"{line}:{REST}")
    assert found.hashes == {}
    (left,) = found.left
    assert left.startswith(f"line 1: {line.partition(':')[0]}: ")
    assert reason in left
    assert GOOD not in left


def test_accounts_of_nobody(desk: Desk) -> None:
    """Lines of accounts that are no users here are counted; their names are of no interest."""
    desk.record("sales", "group")
    found = taken(desk, f"daemon:*:{REST}", f"sales:{GOOD}:{REST}", f"mysql:{GOOD}:{REST}")
    assert (found.hashes, found.left, found.others) == ({}, [], 3)


def test_odd_lines(desk: Desk) -> None:
    """A line that is none of shadow(5) is named by its number; of two lines for one account the first counts."""
    found = taken(desk, "mary", "# a comment", "", f"mary:{GOOD}:{REST}", f"mary:{HASHES['MD5']}:{REST}", "x:y:z")
    assert found.hashes == {"mary": GOOD}
    assert [re.sub(":.*", "", left) for left in found.left] == ["line 1", "line 5", "line 6"]


def test_the_program_gets_all_of_them_at_once(desk: Desk) -> None:
    """chpasswd(8) reads all the lines in one call, from its standard input, where no other user sees them."""
    desk.machine.set_hashes({"mary": GOOD, "bob": HASHES["MD5"]})
    assert desk.machine.calls == ["chpasswd --encrypted"]
    assert (desk.machine.folder / "hashes").read_text() == f"mary:{GOOD}\nbob:{HASHES['MD5']}\n"


def test_the_command(office: Root, tmp_path: Path) -> None:
    """A dry run says what would be set and prints no hash; a root folder has no passwords, and nothing is noted."""
    (tmp_path / "shadow").write_text(f"tom:{GOOD}:{REST}\nroot:{GOOD}:{REST}\nftp:*:{REST}\n")
    (tmp_path / "shadow").chmod(0o644)
    answer = office.esmith("import-passwords", "--dry-run", str(tmp_path / "shadow"))
    assert answer.out.splitlines() == [
        "line 2: root: it is root; set its password by hand: passwd root",
        "1 password would be set; 1 line of accounts that are no users here",
    ]
    assert (
        answer.err
        == f"esmith: {tmp_path}/shadow: others may read it, and try passwords on it: chmod 600 {tmp_path}/shadow\n"
    )
    answer = office.esmith("import-passwords", str(tmp_path / "shadow"), code=3)
    assert "a root folder has no passwords" in answer.err
    assert office.db("accounts", "getprop", "tom", "PasswordSet", code=None).code == 1
    assert "no such file" in office.esmith("import-passwords", str(tmp_path / "none"), code=None).err
