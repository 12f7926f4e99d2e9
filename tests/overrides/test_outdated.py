"""What an override was made from, and whether that changed."""

from __future__ import annotations

import json
import os

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.overrides.kit import OLDER, found, note_installed, record, ship_older, states

FRAGMENT = "templates/etc/clamd.conf/MaxFiles"
MINE = "/etc/clamd.conf/MaxFiles"
_OLD = "# one\nMaxFiles 1\n# two\n"


def _upgraded(root: Root, mine: str, new: str | None, *, old: str | None = _OLD) -> None:
    """Have an override be made over an old shipped text, which then is another one."""
    note_installed(root, OLDER)
    if old is not None or root.file(f"/etc/e-smith/{FRAGMENT}").exists():
        ship_older(root, FRAGMENT, old)
    root.custom(MINE, mine)
    record(root)
    if new is not None or old is not None:
        ship_older(root, FRAGMENT, new)
    note_installed(root, "0.1.0")


@pytest.mark.parametrize(
    ("mine", "new", "reason"),
    [
        ("MaxFiles 3\n", "# one\nMaxFiles 2\n# two\n", "the shipped one has changed since it was made"),
        ("", "# one\nMaxFiles 2\n# two\n", "the shipped one has changed since it was made"),
        ("MaxFiles 3\n", None, "what it was made from is not shipped any more"),
        ("", None, "what it masks is not shipped any more; look whether its lines are in another fragment now"),
    ],
)
def test_a_changed_shipped_text_is_noticed(root: Root, mine: str, new: str | None, reason: str) -> None:
    """An override is outdated when the text it was made from changed or went, also one that masks it."""
    _upgraded(root, mine, new)
    (one,) = found(root).values()
    assert (one.state, one.reason, one.base.text) == ("outdated", reason, _OLD.encode())


def test_the_cure_of_an_outdated_one_shows_what_changed(root: Root) -> None:
    """What esmith status names for an outdated override is the diff of the shipped text."""
    _upgraded(root, "MaxFiles 3\n", "# one\nMaxFiles 2\n# two\n")
    data = json.loads(root.esmith("status", "--json", code=ExitCode.PENDING).out)
    (command,) = [one["command"] for one in data["findings"] if one["kind"] == "override"]
    assert {"-MaxFiles 1", "+MaxFiles 2"} <= set(root.esmith(*command.split()[1:]).out.splitlines())


def test_a_shipped_file_that_is_new(root: Root) -> None:
    """An override that added is outdated when a file of its name is shipped since."""
    _upgraded(root, "MaxFiles 3\n", "MaxFiles 2\n", old=None)
    (one,) = found(root).values()
    assert (one.state, one.base.text) == ("outdated", None)
    assert one.reason == "a file of this name is shipped now; there was none when it was made"


@pytest.mark.parametrize("mine", ["# mine\nMaxFiles 2\n# two\n", "# one\nMaxFiles 2\n# two\n# mine\n"])
def test_what_was_merged_by_hand_is_not_outdated(root: Root, mine: str) -> None:
    """An override that has in it what changed is not outdated, and the next init takes the new text for its base."""
    _upgraded(root, mine, "# one\nMaxFiles 2\n# two\n")
    assert states(root) == {MINE: "replaces"}
    record(root)
    assert found(root)[MINE].base.text == b"# one\nMaxFiles 2\n# two\n"


def test_an_edit_keeps_the_base(root: Root) -> None:
    """An override that is edited after the upgrade was still made from the old text."""
    _upgraded(root, "MaxFiles 3\n", "# one\nMaxFiles 2\n# two\n")
    root.custom(MINE, "MaxFiles 4\n")
    record(root)
    assert found(root)[MINE].base.text == _OLD.encode()
    assert states(root) == {MINE: "outdated"}


def test_a_removed_one_is_forgotten(root: Root) -> None:
    """One that is removed, and made again after the next init, was made from the text of then."""
    _upgraded(root, "MaxFiles 3\n", "# one\nMaxFiles 2\n# two\n")
    root.file(f"/etc/e-smith/templates-custom{MINE}").unlink()
    record(root)
    root.custom(MINE, "MaxFiles 3\n")
    assert states(root) == {MINE: "replaces"}
    record(root)
    texts = [path.name for path in root.file("/var/lib/e-smith/bases").iterdir()]
    assert len(texts) == 2, "the index and one text: that of the removed one is gone"


def test_keys_that_an_override_has_not(root: Root) -> None:
    """A template.toml is outdated by another value of a key that it has, not by one of another key."""
    name, mine = "templates/etc/t/template.toml", "/etc/t/template.toml"
    ship_older(root, "templates/etc/t/10x", "x\n")
    ship_older(root, name, 'mode = "0640"\nowner = "root"\n')
    root.custom(mine, 'mode = "0600"\n')
    record(root)
    ship_older(root, name, 'mode = "0640"\nowner = "mail"\n')
    assert states(root) == {mine: "replaces"}
    ship_older(root, name, 'mode = "0644"\nowner = "mail"\n')
    assert states(root) == {mine: "outdated"}


def test_services_are_overrides_too(root: Root) -> None:
    """A run script of services-custom is outdated when the shipped one changed."""
    ship_older(root, "services/clamd/run", "#!/bin/sh\nexec old\n")
    root.write("/etc/e-smith/services-custom/clamd/run", "#!/bin/sh\nexec mine\n")
    record(root)
    ship_older(root, "services/clamd/run", "#!/bin/sh\nexec new\n")
    assert states(root) == {"services-custom/clamd/run": "outdated"}


def test_the_closest_known_text_is_probably_the_base(root: Root) -> None:
    """One that was copied from a server of an older version was probably made from the closest text that is known."""
    note_installed(root, OLDER)
    ship_older(root, FRAGMENT, _OLD)
    record(root, FRAGMENT)
    ship_older(root, FRAGMENT, "MaxFiles {{ clamav.MaxFiles }}\n")
    note_installed(root, "0.1.0")
    path = root.custom(MINE, _OLD + "# mine\n")
    os.utime(path, (1, 1))
    one = found(root)[MINE]
    assert (one.state, one.base.text, one.base.probable, one.base.version) == ("outdated", _OLD.encode(), True, "0.0.9")
    assert "it was probably made from that of version 0.0.9" in root.esmith("overrides").out


def test_one_that_is_made_here_is_certain(root: Root) -> None:
    """The base of one that came since the last init is certain; of one that is older than the shipped files not."""
    record(root)
    path = root.custom(MINE, "MaxFiles 3\n")
    assert not found(root)[MINE].base.probable
    os.utime(path, (1, 1))
    assert found(root)[MINE].base.probable


@pytest.mark.parametrize("damage", ["cut", "changed", "lost", "written by others"])
def test_damage_is_not_believed(root: Root, damage: str) -> None:
    """A damaged index counts as none: the base is only probable then, and the next init writes a whole one."""
    _upgraded(root, "MaxFiles 3\n", "# one\nMaxFiles 2\n# two\n")
    index = root.file("/var/lib/e-smith/bases/index")
    content = index.read_bytes()
    if damage == "lost":
        index.unlink()
    elif damage == "written by others":
        index.chmod(0o666)
    else:
        index.write_bytes(content[:-3] if damage == "cut" else content.replace(b"0.0.9", b"0.0.8"))
    (one,) = found(root).values()
    assert (one.state, one.base.probable) == ("replaces", True)
    record(root)
    index.chmod(0o600)
    assert found(root)[MINE].base.probable


def test_a_damaged_text_is_not_believed(root: Root) -> None:
    """A text that is not what its name says counts as lost."""
    _upgraded(root, "MaxFiles 3\n", "# one\nMaxFiles 2\n# two\n")
    for path in root.file("/var/lib/e-smith/bases").iterdir():
        if path.read_bytes() == _OLD.encode():
            path.write_text("another\n")
    assert found(root)[MINE].base.text == b"# one\nMaxFiles 2\n# two\n"


def test_only_root_may_read_the_texts(root: Root) -> None:
    """What is kept is closed to all others."""
    _upgraded(root, "MaxFiles 3\n", None)
    directory = root.file("/var/lib/e-smith/bases")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_what_is_kept_is_bounded(root: Root) -> None:
    """Of a shipped file that changes with each version the last five texts are kept."""
    for number in range(9):
        ship_older(root, FRAGMENT, f"MaxFiles {number}\n")
        record(root, FRAGMENT)
    texts = {path.read_text() for path in root.file("/var/lib/e-smith/bases").iterdir() if path.name != "index"}
    assert texts == {f"MaxFiles {number}\n" for number in range(4, 9)}
