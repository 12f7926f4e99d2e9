"""The rule itself: which owners, modes, directories and links count."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from esmith.errors import ExitCode, UntrustedError
from esmith.layout import Layout
from esmith.trust import Trust, owners_of
from tests.trust.kit import MALLORY, requires_root, set_acl


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root folder with a file of two directories."""
    folder = tmp_path / "root"
    (folder / "etc/own").mkdir(parents=True)
    (folder / "etc/own/file").write_text("text\n")
    for place in (folder, folder / "etc", folder / "etc/own"):
        place.chmod(0o755)
    (folder / "etc/own/file").chmod(0o644)
    return folder


def _faults(root: Path, path: str = "etc/own/file") -> list[tuple[str, str]]:
    return [(fault.place.removeprefix(f"{root}/"), fault.hint) for fault in Trust(str(root)).faults(str(root / path))]


def test_what_counts(root: Path) -> None:
    """What the caller owns and nobody else may write counts; so does what is not there, as far as there is a way."""
    assert _faults(root) == []
    assert _faults(root, "etc/none/file") == []
    assert _faults(root, "etc/own/file/below") == []


@pytest.mark.parametrize("place", ["", "etc", "etc/own", "etc/own/file"])
def test_each_step_of_the_way(root: Path, place: str) -> None:
    """The root folder, each directory below it and the file: who may write any of them decides what is read."""
    (root / place).chmod(0o777)
    ((found, cure),) = _faults(root)
    assert root / found == root / place
    assert cure == f"chmod go-w {root / place}"


def test_above_the_root_folder(root: Path) -> None:
    """What is above a root folder is not looked at: whoever made the folder there has decided that."""
    root.parent.chmod(0o777)
    assert _faults(root) == []


@pytest.mark.parametrize("target", ["../../../outside/file", "{root}/../outside/file", "{outside}/file"])
def test_out_of_the_root_folder(root: Path, target: str) -> None:
    """Where a link leads out of the root folder every directory there counts, however the link is written."""
    outside = root.parent / "outside"
    outside.mkdir(mode=0o755)
    (outside / "file").write_text("text\n")
    (outside / "file").chmod(0o644)
    link = root / "etc/own/link"
    link.symlink_to(target.format(root=root, outside=outside))
    assert os.path.samefile(link, outside / "file")
    assert _faults(root, "etc/own/link") == []
    for place in (outside, root.parent):
        place.chmod(0o777)
        ((found, _),) = _faults(root, "etc/own/link")
        assert os.path.samefile(found, place)
        place.chmod(0o755)


def test_a_directory_such_as_tmp(root: Path) -> None:
    """In a sticky directory that everybody may write, a file of an owner counts; one with a second name does not."""
    (root / "etc/own").chmod(0o1777)
    assert _faults(root) == []
    os.link(root / "etc/own/file", root / "etc/hard")
    ((place, cure),) = _faults(root)
    assert place == "etc/own/file"
    assert cure.startswith("cp -p ")


def test_links_in_a_circle(root: Path) -> None:
    """Links that lead to one another lead nowhere, and links of directories to those above them are looked at once."""
    (root / "etc/own/a").symlink_to("b")
    (root / "etc/own/b").symlink_to("a")
    (root / "etc/own/up").symlink_to("..")
    trust = Trust(str(root))
    trust.require(str(root / "etc/own/a"))
    trust.require_trees(str(root / "etc"))


def test_trees(root: Path) -> None:
    """Of a tree everything counts: files however deep, what links in it lead to, and trees behind them."""
    (root / "other/deep").mkdir(parents=True)
    (root / "other/deep/file").write_text("x")
    for place in (root / "other", root / "other/deep"):
        place.chmod(0o755)
    (root / "etc/own/link").symlink_to(root / "other")
    (root / "etc/own/null").symlink_to("/dev/null")
    (root / "etc/own/dangling").symlink_to("nowhere")
    (root / "other/deep/file").chmod(0o666)
    (root / "etc/own/file").chmod(0o602)
    found = {fault.place for fault in Trust(str(root)).tree_faults(str(root / "etc"))}
    assert found == {str(root / "other/deep/file"), str(root / "etc/own/file")}


def test_deep_trees(root: Path) -> None:
    """A tree that is deeper than Python may call itself is not a reason to fail."""
    home = os.getcwd()
    os.chdir(root)
    try:
        for _ in range(1500):
            os.mkdir("d", 0o755)
            os.chdir("d")
        os.chdir(home)
        assert list(Trust(str(root)).tree_faults(str(root))) == []
    finally:
        os.chdir(home)
        # Python's own way to remove it calls itself.
        subprocess.run(["rm", "-rf", root / "d"], check=True)


def test_it_looks_again_when_asked(root: Path) -> None:
    """What was found to count is not looked at twice, unless a new piece of work begins."""
    trust = Trust(str(root))
    trust.require_trees(str(root / "etc"))
    (root / "etc/own/file").chmod(0o666)
    trust.require_trees(str(root / "etc"))
    trust.renew()
    with pytest.raises(UntrustedError) as caught:
        trust.require_trees(str(root / "etc"))
    assert caught.value.exit_code == ExitCode.UNTRUSTED


def test_a_tree_with_a_fault_above_is_not_taken_for_sound(root: Path) -> None:
    """A tree is not remembered as sound when a directory above it is not."""
    trust = Trust(str(root))
    (root / "etc").chmod(0o777)
    assert len(list(trust.tree_faults(str(root / "etc/own")))) == 1
    with pytest.raises(UntrustedError):
        trust.require_trees(str(root / "etc/own"))


def _people(monkeypatch: pytest.MonkeyPatch, *, members: list[str], others: list[int]) -> None:
    """Let the owner of the files be "alice" in a group "alice", with members, and with others who have it too."""
    me = os.geteuid()
    people = [SimpleNamespace(pw_name="alice", pw_uid=me, pw_gid=os.getegid())]
    people += [SimpleNamespace(pw_name=f"u{number}", pw_uid=number, pw_gid=os.getegid()) for number in others]
    group = SimpleNamespace(gr_name="alice", gr_mem=members)
    monkeypatch.setattr(pwd, "getpwuid", lambda _number: people[0])
    monkeypatch.setattr(pwd, "getpwall", lambda: people)
    monkeypatch.setattr(grp, "getgrgid", lambda _number: group)


def test_a_private_group(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With umask 002 a user's files may be written by the group that has only him: they count."""
    (root / "etc/own/file").chmod(0o664)
    _people(monkeypatch, members=["alice"], others=[])
    assert _faults(root) == []
    _people(monkeypatch, members=["alice", "bob"], others=[])
    assert len(_faults(root)) == 1
    _people(monkeypatch, members=[], others=[4002])
    assert len(_faults(root)) == 1


def test_a_private_group_and_an_acl(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits of a private group are the mask of an ACL where there is one, and are about others."""
    _people(monkeypatch, members=[], others=[])
    set_acl(root / "etc/own/file", MALLORY)
    ((place, cure),) = _faults(root)
    assert (place, cure) == ("etc/own/file", f"chmod go-w {root}/etc/own/file")
    os.chmod(root / "etc/own/file", 0o755)
    assert _faults(root) == []


def test_whose(tmp_path: Path) -> None:
    """Under / it is root, and for a plain user himself; under a folder the caller, too; its owner with an option."""
    me = os.geteuid()
    assert owners_of("/") == {0, me}
    assert owners_of("/", trust_owner=True) == {0, me}
    assert owners_of(str(tmp_path)) == {0, me}
    if me == 0:
        os.chown(tmp_path, MALLORY, -1)
        assert owners_of(str(tmp_path)) == {0}
        assert owners_of(str(tmp_path), trust_owner=True) == {0, MALLORY}


@requires_root
def test_the_cure_of_a_foreign_file(root: Path) -> None:
    """A foreign file goes to the owner of the root folder where he counts, else to root; a link as a link."""
    os.chown(root / "etc/own/file", MALLORY, MALLORY)
    (root / "etc/own/a link").symlink_to("file")
    os.chown(root / "etc/own/a link", MALLORY, MALLORY, follow_symlinks=False)
    found = _faults(root, "etc/own/a link")
    assert found == [
        ("etc/own/a link", f"chown -h root: '{root}/etc/own/a link'"),
        ("etc/own/file", f"chown root: {root}/etc/own/file"),
    ]
    (root / "etc/own/file").chmod(0o666)
    assert _faults(root)[0][1] == f"chown root: {root}/etc/own/file && chmod go-w {root}/etc/own/file"


def test_the_trust_of_a_layout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layout believes the owner of its root folder when the environment says so."""
    assert Layout(str(root)).trust.believed_owner() is None
    if os.geteuid() == 0:
        os.chown(root, MALLORY, -1)
        monkeypatch.setenv("ESMITH_TRUST_OWNER", "1")
        assert Layout(str(root)).trust.believed_owner() == MALLORY
