"""What a user puts in his directory stops his own file and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from esmith.apply.left import list_left
from esmith.disk import Directory, UserDirectoryError
from esmith.errors import UserFileError
from esmith.events.errors import ActionError
from tests.apply.kit import only_root
from tests.disk.kit import OBSTACLES, USERS, House

pytestmark = only_root

METADATA_WITHOUT_MODE = (
    'foreach = "accounts:user"\nowner = "{{ record.key }}"\ngroup = "{{ record.key }}"\nservices = []\n'
)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()


def _left(house: House) -> dict[str, str]:
    with house.store.snapshot() as snapshot:
        return {path: left.reason for path, left in list_left(snapshot).items()}


def test_a_file_in_a_home_belongs_to_the_user(house: House) -> None:
    """A file in a user's home is made as the metadata says, and belongs to the user."""
    house.signal()
    status = (house.home("tom") / ".qmail").lstat()
    assert (house.mail("tom"), house.mail("jack")) == ("&one\n", "&one\n")
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (5001, 5001, 0o600)


@pytest.mark.parametrize("installed", [False, True], ids=["new", "installed before"])
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_obstacle_stops_one_file(house: House, obstacle: str, installed: bool) -> None:
    """Whatever a user puts in the place of his file, everybody else's is made; his is named, and made later."""
    place = house.home("tom") / ".qmail"
    if installed:
        house.signal()
        place.unlink()
    OBSTACLES[obstacle](place)
    house.forward("two")
    result = house.signal()
    assert (house.mail("jack"), house.file("/etc/all").read_text()) == ("&two\n", "two\n")
    (path,) = result.left
    assert path == "/home/tom/.qmail"
    assert any(str(place) in note for note in house.notes)
    assert _left(house) == result.left
    _remove(place)
    assert house.signal().left == {}
    assert house.mail("tom") == "&two\n"
    assert _left(house) == {}


def test_a_huge_file_is_not_copied(house: House) -> None:
    """A file of a user that is larger than any of ours is neither read nor kept, and the disk stays as it is."""
    OBSTACLES["huge"](house.home("tom") / ".qmail")
    assert "larger than 1 MB" in house.signal().left["/home/tom/.qmail"]
    assert house.kept() == {}
    assert (house.home("tom") / ".qmail").stat().st_blocks == 0


@pytest.mark.parametrize("target", ["/etc/passwd", "/usr/bin/passwd", "nowhere"])
def test_a_link_is_replaced_and_never_followed(house: House, target: str) -> None:
    """A link in the place of a user's file is replaced by the file; what it leads to is as it was."""
    place = house.home("tom") / ".qmail"
    place.symlink_to(target)
    before = os.stat(target) if os.path.exists(target) else None
    house.signal()
    status = place.lstat()
    assert (house.mail("tom"), status.st_mode, status.st_uid) == ("&one\n", 0o100600, 5001)
    assert (os.stat(target) if os.path.exists(target) else None) == before


def test_no_set_user_id_bit_comes_from_a_home(house: House) -> None:
    """expand-template keeps the permissions of a user's file, but no bit that makes it run as its owner."""
    house.template("/home/{key}/.qmail", "&x\n", METADATA_WITHOUT_MODE)
    place = house.home("tom") / ".qmail"
    place.write_text("old\n")
    os.chown(place, 5001, 5001)
    place.chmod(0o4750)
    house.apply("/home/tom/.qmail", keep_attributes=True)
    assert (place.read_text(), place.lstat().st_mode & 0o7777) == ("&x\n", 0o750)
    place.unlink()
    place.symlink_to("/usr/bin/passwd")
    house.apply("/home/tom/.qmail", keep_attributes=True)
    assert place.lstat().st_mode & 0o7777 == 0o644


def test_a_file_of_somebody_else_is_not_given_to_the_user(house: House) -> None:
    """A file of another user that was moved into a home is not given away: a new one takes its place."""
    house.signal()
    place = house.home("tom") / ".qmail"
    stolen = house.home("jack") / ".qmail"
    other = house.home("jack") / "second name"
    os.link(stolen, other)
    os.rename(other, place)
    assert house.signal().left == {}
    assert (place.lstat().st_uid, stolen.lstat().st_uid) == (5001, 5002)
    assert place.lstat().st_ino != stolen.lstat().st_ino


def test_a_directory_of_the_user_on_the_way_is_not_followed_when_it_is_a_link(house: House) -> None:
    """A link of a user in the place of a directory leads nowhere: only that file is left out."""
    house.template("/home/{key}/deep/er/file", "x\n", METADATA_WITHOUT_MODE)
    house.event("/home/{key}/deep/er/file\n/etc/all\n")
    (house.home("tom") / "deep").symlink_to(house.path / "etc")
    result = house.signal()
    assert list(result.left) == ["/home/tom/deep/er/file"]
    assert not (house.path / "etc/er").exists()
    made = house.home("jack") / "deep/er/file"
    assert (made.read_text(), made.parent.lstat().st_uid) == ("x\n", USERS["jack"])


def test_a_removed_user_with_an_obstacle(house: House) -> None:
    """The file of a user whose record is gone is removed; an obstacle there stops nothing, and is forgotten later."""
    house.signal()
    (house.home("tom") / ".qmail").unlink()
    (house.home("tom") / ".qmail").mkdir()
    house.delete("accounts", "jack")
    house.set("accounts", "tom", "user-deleted", Forward="x")
    assert list(house.signal().left) == ["/home/tom/.qmail"]
    assert house.mail("jack") is None
    (house.home("tom") / ".qmail").rmdir()
    assert house.signal().left == {}
    assert _left(house) == {}


def test_strict(house: House) -> None:
    """With Strict a fault in a user's directory stops the event, before any file is touched."""
    house.set("configuration", "esmith", "configuration", Strict="enabled")
    (house.home("tom") / ".qmail").mkdir()
    with pytest.raises(UserFileError, match="is a directory"):
        house.signal()
    assert house.mail("jack") is None
    assert not house.file("/etc/all").exists()


def test_an_obstacle_keeps_nothing_from_being_restored(house: House) -> None:
    """When an event fails, all files are restored but that of the user who put something in the way meanwhile."""
    house.signal()
    house.forward("two")
    home = house.home("tom")
    script = f"rm {home}/.qmail && mkdir {home}/.qmail && exit 3"
    house.event("/home/{key}/.qmail\n/etc/all\n", actions={"S50fail": script})
    with pytest.raises(ActionError):
        house.signal()
    assert (house.mail("jack"), house.file("/etc/all").read_text()) == ("&one\n", "one\n")
    assert any("could not be restored" in note and str(home) in note for note in house.notes)


def test_a_restored_file_is_the_users(house: House) -> None:
    """A file that is restored in a home has its content, its owner and its permissions again."""
    house.signal()
    place = house.home("tom") / ".qmail"
    place.chmod(0o640)
    before = place.lstat()
    house.forward("two")
    house.event("/home/{key}/.qmail\n", actions={"S50fail": "exit 3"})
    with pytest.raises(ActionError):
        house.signal()
    after = place.lstat()
    assert house.mail("tom") == "&one\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert list(house.home("tom").glob(".esmith*")) == []


def test_an_action_may_be_done_in_part(house: House) -> None:
    """An action that ends with exit code 11 does not stop the event; what it says is reported."""
    house.event("/etc/all\n", actions={"S10part": "echo tom has no mailbox; exit 11", "S50next": "true"})
    result = house.signal()
    assert result.actions == ["S10part", "S50next"]
    (reason,) = result.partial.values()
    assert "tom has no mailbox" in reason
    assert result.left == {}


def test_a_user_cannot_fill_the_disk_with_copies(house: House) -> None:
    """Of a file that a user replaces repeatedly there are at most three backup copies, and the last generations."""
    place = house.home("tom") / ".qmail"
    for number in range(12):
        place.unlink(missing_ok=True)
        place.write_text(f"edit {number}\n")
        house.forward(f"f{number}")
        house.signal()
    folder = Path(house.layout.state, "kept/home/tom")
    assert sorted(copy.read_text() for copy in folder.iterdir()) == ["edit 10\n", "edit 11\n", "edit 9\n"]


@pytest.mark.parametrize("moment", ["compare", "stage", "keep", "install"])
def test_a_left_file_is_made_by_the_next_event(house: House, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a file is left as it was, the next event makes it, and nothing else has to change for that."""
    house.signal()
    house.forward("two")
    method = {"compare": "take", "stage": "write", "keep": "take", "install": "rename"}[moment]
    real = getattr(Directory, method)
    calls = []

    def failing(self: Directory, *words: object) -> object:
        if self.user == (5001, 5001):
            calls.append(words)
            if moment != "keep" or len(calls) > 1:
                raise UserDirectoryError(11, "Resource temporarily unavailable")
        return real(self, *words)

    with monkeypatch.context() as patch:
        patch.setattr(Directory, method, failing)
        assert list(house.signal().left) == ["/home/tom/.qmail"]
    assert (house.mail("tom"), house.mail("jack")) == ("&one\n", "&two\n")
    assert house.signal().left == {}
    assert house.mail("tom") == "&two\n"
