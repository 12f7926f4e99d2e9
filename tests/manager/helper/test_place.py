"""Where the helper listens: one helper a root, and nobody else's directory."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from esmith.errors import BusyError, UntrustedError
from esmith.layout import Layout
from esmith.manager.helper.place import Place


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_socket(layout: Layout) -> None:
    """The socket is for its user alone, in a directory that others may only pass; both umasks give the same."""
    for umask in (0, 0o077):
        before = os.umask(umask)
        try:
            with Place(layout, os.geteuid()):
                assert _mode(layout.manager_socket) == 0o600
                assert _mode(os.path.dirname(layout.manager_socket)) == 0o711
            assert os.umask(umask) == umask
        finally:
            os.umask(before)
        assert not os.path.lexists(layout.manager_socket)


@pytest.mark.root("only root gives files away")
def test_the_socket_belongs_to_the_web_process(layout: Layout) -> None:
    """The user whose process may ask owns the socket, and nothing else there."""
    with Place(layout, 65_000):
        assert os.stat(layout.manager_socket).st_uid == 65_000
        assert os.stat(os.path.dirname(layout.manager_socket)).st_uid == 0


def test_a_second_helper(layout: Layout) -> None:
    """A second helper does not begin, and the socket of the first stays."""
    with Place(layout, os.geteuid()):
        before = os.stat(layout.manager_socket).st_ino
        with pytest.raises(BusyError, match="another helper"), Place(layout, os.geteuid()):
            pass
        assert os.stat(layout.manager_socket).st_ino == before


def test_what_a_dead_helper_left(layout: Layout) -> None:
    """The socket of a helper that was killed is replaced, and so is whatever else has its name."""
    os.makedirs(os.path.dirname(layout.manager_socket), 0o711)
    with socket.socket(socket.AF_UNIX) as dead:
        handle = os.open(os.path.dirname(layout.manager_socket), os.O_RDONLY)
        dead.bind(f"/proc/self/fd/{handle}/socket")
        os.close(handle)
    for _ in range(2):
        with Place(layout, os.geteuid()):
            assert stat.S_ISSOCK(os.lstat(layout.manager_socket).st_mode)
        os.symlink("/etc/passwd", layout.manager_socket)


def test_a_deep_root(tmp_path: Path) -> None:
    """A root whose path is longer than that of a socket may be has a helper as well."""
    root = tmp_path / "/".join(["a" * 60] * 3)
    root.mkdir(parents=True)
    layout = Layout(str(root))
    with Place(layout, os.geteuid()):
        assert len(layout.manager_socket) > 108
        assert stat.S_ISSOCK(os.stat(layout.manager_socket).st_mode)


def test_a_directory_that_others_may_write(layout: Layout) -> None:
    """In a directory that others may write there is no helper: they could put their socket there."""
    os.makedirs(os.path.dirname(layout.manager_socket))
    os.chmod(os.path.dirname(layout.manager_socket), 0o777)
    with pytest.raises(UntrustedError), Place(layout, os.geteuid()):
        pass


def test_a_link_in_the_place_of_the_directory(layout: Layout, tmp_path: Path) -> None:
    """A link in the place of the directory is not followed."""
    directory = os.path.dirname(layout.manager_socket)
    os.makedirs(os.path.dirname(directory))
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", directory)
    with pytest.raises(OSError, match="Not a directory|Too many levels"), Place(layout, os.geteuid()):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []
