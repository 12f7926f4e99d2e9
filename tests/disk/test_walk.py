"""Walking to a directory: links of ours are followed, links of users never, and nothing is waited for."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from esmith.disk import Disk, UnusableError, UserDirectoryError
from esmith.disk.kernel import open_beneath, rights_of
from tests.disk.kit import OBSTACLES
from tests.programs import path_of

TOM = 5001
only_root = pytest.mark.root("only root may give files away")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Return the files of a root folder with a directory of ours and one of tom's."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/file").write_text("ours\n")
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, TOM, TOM)
    return Disk(str(tmp_path), frozenset({0, os.geteuid()}))


@pytest.mark.parametrize("target", ["etc", "../root/etc", "{root}/etc", "second", "etc/../etc"])
def test_a_link_of_ours_is_followed(tmp_path: Path, target: str) -> None:
    """A link in a directory of ours leads where it says: relative, absolute, upwards, to another link."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/file").write_text("ours\n")
    (root / "second").symlink_to("etc")
    (root / "link").symlink_to(target.format(root=root))
    disk = Disk(str(root), frozenset({0, os.geteuid()}))
    assert disk.directory(str(root / "link")).is_ours
    assert disk.read(str(root / "link/file")) == b"ours\n"


def test_links_that_lead_round(disk: Disk, tmp_path: Path) -> None:
    """Links that lead to each other are an error, not an endless walk."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links"):
        disk.directory(str(tmp_path / "one"))
    with pytest.raises(OSError, match="symbolic links"):
        disk.read(str(tmp_path / "one"))


def test_what_is_missing(disk: Disk, tmp_path: Path) -> None:
    """A missing directory is None to find, an error to open, and made with the mode that is asked for."""
    place = str(tmp_path / "a/b")
    assert disk.find(place) is None
    assert disk.look(f"{place}/c") is None
    with pytest.raises(FileNotFoundError):
        disk.directory(place)
    old = os.umask(0o077)
    try:
        disk.directory(place, make=0o755)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o755


@only_root
class TestUsers:
    """Directories that belong to somebody else."""

    def test_a_link_of_a_user_is_not_followed(self, disk: Disk, tmp_path: Path) -> None:
        """A link in a user's home leads nowhere, neither as a directory nor as a file."""
        (tmp_path / "home/way").symlink_to(tmp_path / "etc")
        (tmp_path / "home/file").symlink_to(tmp_path / "etc/file")
        with pytest.raises(UserDirectoryError):
            disk.directory(str(tmp_path / "home/way"))
        with pytest.raises(UserDirectoryError):
            disk.read(str(tmp_path / "home/file"))
        assert disk.content(str(tmp_path / "home/file")) == os.fsencode(tmp_path / "etc/file")

    def test_a_home_behind_a_link_of_ours(self, disk: Disk, tmp_path: Path) -> None:
        """A link of ours to a home leads there, and there nothing of the user is followed."""
        (tmp_path / "users").symlink_to("home")
        (tmp_path / "home/way").symlink_to(tmp_path / "etc")
        assert disk.directory(str(tmp_path / "users")).user == (TOM, TOM)
        with pytest.raises(UserDirectoryError):
            disk.directory(str(tmp_path / "users/way"))

    def test_a_directory_of_root_in_a_home(self, disk: Disk, tmp_path: Path) -> None:
        """A directory of root's below a home is the user's as well: he may move it."""
        (tmp_path / "home/deep").mkdir()
        found = disk.directory(str(tmp_path / "home/deep"))
        assert (found.is_ours, found.user) == (False, (TOM, TOM))

    @pytest.mark.parametrize("mode", [0o775, 0o777])
    def test_a_directory_that_others_may_write(self, disk: Disk, tmp_path: Path, mode: int) -> None:
        """A directory that its group or everybody may write is not ours, whoever owns it."""
        shared = tmp_path / "shared"
        shared.mkdir()
        os.chown(shared, 0, TOM)
        shared.chmod(mode)
        (shared / "way").symlink_to(tmp_path / "etc")
        assert not disk.directory(str(shared)).is_ours
        with pytest.raises(UserDirectoryError):
            disk.directory(str(shared / "way"))

    def test_a_sticky_directory(self, disk: Disk, tmp_path: Path) -> None:
        """In a directory such as /tmp links and directories of ours count, and those of others do not."""
        shared = tmp_path / "tmp"
        shared.mkdir()
        shared.chmod(0o1777)
        (shared / "own").symlink_to(tmp_path / "etc")
        (shared / "foreign").symlink_to(tmp_path / "etc")
        os.chown(shared / "foreign", TOM, TOM, follow_symlinks=False)
        (shared / "directory").mkdir()
        assert disk.directory(str(shared / "own")).is_ours
        assert disk.directory(str(shared / "directory")).is_ours
        with pytest.raises(UserDirectoryError):
            disk.directory(str(shared / "foreign"))

    @pytest.mark.parametrize("obstacle", OBSTACLES)
    def test_obstacles(self, disk: Disk, tmp_path: Path, obstacle: str) -> None:
        """What is not a regular file, or too large, is an error at once; in a home it is one of that user."""
        for place, kind in ((tmp_path / "etc/x", UnusableError), (tmp_path / "home/x", UserDirectoryError)):
            OBSTACLES[obstacle](place)
            with pytest.raises(OSError) as caught:
                disk.read(str(place))
            # A socket cannot even be opened.
            assert isinstance(caught.value, kind) or (obstacle == "socket" and place.parent.name == "etc")

    def test_what_is_made_belongs_to_the_user(self, disk: Disk, tmp_path: Path) -> None:
        """Directories, files and links that are made in a home belong to the user, and this process is root again."""
        made = disk.directory(str(tmp_path / "home/new"), make=0o755)
        made.write("file", b"x", 0o600, (TOM, TOM))
        made.make_link("link", b"file", (TOM, TOM))
        names = [made.look(name) for name in ("file", "link")]
        assert {(status.st_uid, status.st_gid) for status in names if status} == {(TOM, TOM)}
        assert os.stat(tmp_path / "home/new").st_uid == TOM
        (tmp_path / "etc/after").write_text("x")
        assert (tmp_path / "etc/after").stat().st_uid == 0

    def test_a_home_that_its_user_may_not_write(self, disk: Disk, tmp_path: Path) -> None:
        """With the user's rights nothing is made where the user may not: that is a fault of that directory."""
        (tmp_path / "home").chmod(0o500)
        found = disk.directory(str(tmp_path / "home"))
        with pytest.raises(UserDirectoryError, match="Permission denied"):
            found.write("file", b"x", 0o600, (TOM, TOM))

    def test_no_file_is_shared_with_a_home(self, disk: Disk, tmp_path: Path) -> None:
        """A file never gets a second name in a home, or out of one."""
        (tmp_path / "home/file").write_text("x")
        home, etc = disk.directory(str(tmp_path / "home")), disk.directory(str(tmp_path / "etc"))
        for one, name, other in ((home, "file", etc), (etc, "file", home)):
            with pytest.raises(PermissionError):
                one.hard_link(name, other, "second")

    def test_a_file_of_another_is_not_given_away(self, disk: Disk, tmp_path: Path) -> None:
        """The attributes of a file in a home stay as they are: it may be another file than was looked at."""
        home = disk.directory(str(tmp_path / "home"))
        place = tmp_path / "home/file"
        place.write_text("x")
        with pytest.raises(UserDirectoryError, match="not changed"):
            home.set_attributes("file", 0o644, (TOM, TOM))
        assert place.stat().st_uid == 0

    def test_half_a_file_is_never_left(self, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file that cannot be written to its end is gone again."""

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(UserDirectoryError):
            disk.directory(str(tmp_path / "home")).write("file", b"x", 0o600, (TOM, TOM))
        assert os.listdir(tmp_path / "home") == []


@only_root
def test_rights_are_given_back() -> None:
    """After the rights of a user were taken, also when that ended with an error, root has its own again."""
    with pytest.raises(KeyError), rights_of((TOM, TOM)):
        with pytest.raises(PermissionError):
            os.listdir("/root")
        raise KeyError
    os.listdir("/root")


@only_root
@pytest.mark.program("unshare")
def test_no_file_system_is_entered(tmp_path: Path) -> None:
    """In a directory of a user nothing that is mounted there is opened."""
    (tmp_path / "home/mounted").mkdir(parents=True)
    script = (
        "import os, subprocess, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent.parent)!r})\n"
        "from esmith.disk.kernel import open_beneath\n"
        "subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', 'mounted'], check=True)\n"
        "try:\n"
        "    open_beneath('mounted', os.O_PATH | os.O_DIRECTORY, os.open('.', os.O_PATH))\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    done = subprocess.run(
        [path_of("unshare"), "--mount", sys.executable, "-c", script],
        cwd=tmp_path / "home",
        capture_output=True,
        text=True,
        check=False,
    )
    if "permission" in done.stderr.lower():
        pytest.skip("not possible here: nothing may be mounted")
    assert done.stdout == "Invalid cross-device link\n", done.stderr


def test_a_kernel_that_does_not_know_openat2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an old kernel, or where openat2 is forbidden, files are opened by openat, and links are refused as well."""
    monkeypatch.setattr("esmith.disk.kernel._SYS_OPENAT2", 100_000)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    directory = os.open(tmp_path, os.O_PATH)
    try:
        os.close(open_beneath("file", os.O_RDONLY, directory))
        with pytest.raises(OSError, match="symbolic links"):
            open_beneath("link", os.O_RDONLY, directory)
    finally:
        os.close(directory)


def test_descriptors_are_closed(tmp_path: Path) -> None:
    """However many directories are opened, few stay open, and none when nobody holds them any more."""
    before = len(os.listdir("/proc/self/fd"))
    disk = Disk(str(tmp_path), frozenset({0, os.geteuid()}))
    for number in range(300):
        disk.directory(str(tmp_path / str(number)), make=0o755)
    assert len(os.listdir("/proc/self/fd")) < before + 200
    del disk
    assert len(os.listdir("/proc/self/fd")) <= before
