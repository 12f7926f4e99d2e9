"""What the wiki page asks its reader to do in the panel, beside its commands: the same databases and files."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands import Root, copy_tree
from tests.manager.browser.clicks import play
from tests.manager.browser.compared import difference

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

INSTRUCTIONS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("instructions.toml").read_text())[
    "instruction"
]

_PLAYED = [
    pytest.param(each, id=each["name"], marks=[pytest.mark.long] if each.get("long") else []) for each in INSTRUCTIONS
]


@pytest.fixture(scope="module")
def typed(site_root: Root) -> Root:
    """A copy of the root, in which the commands of the page are typed."""
    path = site_root.path.with_name("typed")
    copy_tree(site_root.path, path)
    return Root(path)


def _type(root: Root, commands: list[str]) -> None:
    for command in commands:
        root.run(*shlex.split(command))


def meaning(commands: list[str]) -> list[set[tuple[str, ...]]]:
    """Return what commands set, up to each event and after the last; in which order does not count."""
    parts: list[set[tuple[str, ...]]] = [set()]
    for program, *words in map(shlex.split, commands):
        if program == "signal-event":
            parts += [{("signal-event", *words)}, set()]
            continue
        database, (verb, key, *rest) = ("configuration", words) if program == "config" else (words[0], words[1:])
        if verb == "setprop":
            pairs = zip(rest[::2], rest[1::2], strict=True)
            parts[-1] |= {(database, verb, key, name, value) for name, value in pairs}
        else:
            parts[-1].add((database, verb, key, *rest))
    return parts


def test_commands_that_mean_the_same() -> None:
    """What is set in one command or in two, in any order, is the same; another value, record or event is not."""
    one = meaning(["config setprop a P 1 Q 2", "signal-event e"])
    assert one == meaning(["db configuration setprop a Q 2", "config setprop a P 1", "signal-event e"])
    for other in ("config setprop a P 1 Q 3", "config setprop b P 1 Q 2", "db x setprop a P 1 Q 2", "config set a P 1"):
        assert one != meaning([other, "signal-event e"])
    assert one != meaning(["config setprop a P 1 Q 2", "signal-event f"])
    assert one != meaning(["signal-event e", "config setprop a P 1 Q 2"])


@pytest.mark.program("chromium", "chromedriver")
@pytest.mark.parametrize("instruction", _PLAYED)
def test_an_instruction(
    admin: Browser, site_root: Root, typed: Root, tmp_path: Path, instruction: dict[str, Any]
) -> None:
    """Clicking it leaves the same databases and files as the page's commands, and as those that the panel shows."""
    for root in (site_root, typed) if "before" in instruction else ():
        _type(root, instruction["before"])
    shown = play(admin, instruction["clicks"])
    assert shown
    if not instruction.get("secret") and meaning(shown) != meaning(instruction["commands"]):
        other = Root(tmp_path / "shown")
        copy_tree(typed.path, other.path)
        _type(other, shown)
        assert difference(site_root, other) == ""
    _type(typed, instruction["commands"])
    assert difference(site_root, typed) == ""
    assert not site_root.file("/var/service/qpsmtpd/config/databytes").exists()
