"""Owners of outputs: those of the metadata, by the accounts of the root; an unknown one is an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.errors import InstallError
from tests.apply.kit import Bench, only_root

PASSWD = "root:x:0:0::/root:/bin/sh\ntom:x:5001:5100::/home/tom:/bin/sh\n"
GROUP = "root:x:0:\nstaff:x:5100:\n"


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """Give the root accounts of its own."""
    bench.file("/etc/passwd").write_text(PASSWD)
    bench.file("/etc/group").write_text(GROUP)
    return bench


def _owner(place: Path) -> tuple[int, int]:
    status = place.lstat()
    return status.st_uid, status.st_gid


class TestAsRoot:
    """What only root can do."""

    pytestmark = only_root

    @pytest.mark.parametrize(
        ("metadata", "owner"),
        [
            ("", (0, 0)),
            ('owner = "tom"\ngroup = "staff"', (5001, 5100)),
            ('owner = "tom"', (5001, 0)),
            ('group = "staff"', (0, 5100)),
            ('owner = "1234"\ngroup = "4321"', (1234, 4321)),
        ],
    )
    @pytest.mark.parametrize("kind", ["file", "symlink"])
    def test_owner_and_group(self, bench: Bench, metadata: str, owner: tuple[int, int], kind: str) -> None:
        """A new output belongs to whom the metadata says, by the root's own accounts, else to root."""
        bench.template("/etc/t", "text\n", f'kind = "{kind}"\n{metadata}')
        bench.apply("/etc/t")
        assert _owner(bench.file("/etc/t")) == owner

    def test_owner_is_repaired_in_place(self, bench: Bench) -> None:
        """An owner that somebody changed is set back without writing the file."""
        bench.template("/etc/t", "text\n", 'owner = "tom"\ngroup = "staff"')
        bench.apply("/etc/t")
        place = bench.file("/etc/t")
        before = place.stat()
        os.chown(place, 7, 7)
        assert bench.apply("/etc/t") == ["/etc/t: mode or owner"]
        assert _owner(place) == (5001, 5100)
        assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize(("keep", "owner"), [(True, (7, 8)), (False, (0, 0))], ids=["expand-template", "event"])
    def test_expand_template_keeps_the_owner_of_a_file(self, bench: Bench, keep: bool, owner: tuple[int, int]) -> None:
        """expand-template leaves a file with its owner unless the metadata says one; an event gives it to root."""
        place = bench.foreign("/etc/t", "old\n")
        os.chown(place, 7, 8)
        bench.template("/etc/t", "new\n")
        bench.apply("/etc/t", keep_attributes=keep)
        assert _owner(place) == owner

    @pytest.mark.parametrize(
        ("metadata", "owner"),
        [
            ('group = "staff"', (0, 5100)),
            ('owner = "tom"', (5001, 0)),
            ('owner = "tom"\ngroup = "staff"', (5001, 5100)),
            ('mode = "0600"', (7, 8)),
        ],
    )
    def test_expand_template_sets_the_owner(self, bench: Bench, metadata: str, owner: tuple[int, int]) -> None:
        """expand-template keeps neither owner nor group of a file when the metadata says one of them."""
        place = bench.foreign("/etc/t", "text\n")
        os.chown(place, 7, 8)
        bench.template("/etc/t", "text\n", metadata)
        bench.apply("/etc/t", keep_attributes=True)
        assert _owner(place) == owner
        assert bench.apply("/etc/t", keep_attributes=True) == []

    @pytest.mark.parametrize("name", ["nosuch", "²", "9" * 30])
    @pytest.mark.parametrize(("key", "kind"), [("owner", "user"), ("group", "group")])
    def test_an_unknown_owner_names_the_file_that_says_it(self, bench: Bench, key: str, kind: str, name: str) -> None:
        """An owner or group that does not exist is an error that names the metadata file; nothing is written."""
        bench.template("/etc/a", "text\n")
        bench.template("/etc/t", "text\n")
        place = bench.trees.custom("/etc/template.toml", f'{key} = "{name}"\n')
        with pytest.raises(InstallError) as caught:
            bench.apply("/etc/a", "/etc/t")
        assert caught.value.place == str(place)
        assert caught.value.message == f"there is no {kind} '{name}' (for /etc/a)"
        assert not bench.file("/etc/a").exists()

    def test_an_account_of_the_machine_is_none_of_the_root(self, bench: Bench) -> None:
        """A root with accounts of its own does not borrow the machine's."""
        bench.template("/etc/t", "text\n", 'owner = "daemon"')
        with pytest.raises(InstallError, match="no user 'daemon'"):
            bench.apply("/etc/t")


@pytest.mark.plain_user("root may give files away")
def test_others_keep_what_they_make(bench: Bench) -> None:
    """Who is not root makes files of his own, whatever owner the metadata says, even an unknown one."""
    bench.template("/etc/t", "text\n", 'owner = "nosuch"\ngroup = "staff"')
    assert bench.apply("/etc/t") == ["/etc/t: create"]
    assert _owner(bench.file("/etc/t"))[0] == os.geteuid()
    assert bench.apply("/etc/t") == []
