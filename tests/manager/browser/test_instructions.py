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

pytestmark = pytest.mark.program("chromium", "chromedriver")

INSTRUCTIONS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("instructions.toml").read_text())[
    "instruction"
]


@pytest.fixture(scope="module")
def typed(site_root: Root) -> Root:
    """A copy of the root, in which the commands of the page are typed."""
    path = site_root.path.with_name("typed")
    copy_tree(site_root.path, path)
    return Root(path)


@pytest.fixture(scope="module")
def shown(site_root: Root) -> Root:
    """A copy of the root, in which the commands are typed that the panel shows."""
    path = site_root.path.with_name("shown")
    copy_tree(site_root.path, path)
    return Root(path)


def _type(root: Root, commands: list[str]) -> None:
    for command in commands:
        root.run(*shlex.split(command))


@pytest.mark.parametrize("instruction", [pytest.param(each, id=each["name"]) for each in INSTRUCTIONS])
def test_an_instruction(admin: Browser, site_root: Root, typed: Root, shown: Root, instruction: dict[str, Any]) -> None:
    """Clicking it leaves the same databases and files as the page's commands, and as those that the panel shows."""
    for root in (site_root, typed, shown) if "before" in instruction else ():
        _type(root, instruction["before"])
    commands = play(admin, instruction["clicks"])
    assert commands
    _type(typed, instruction["commands"])
    assert difference(site_root, typed) == ""
    _type(shown, instruction["commands"] if instruction.get("secret") else commands)
    assert difference(site_root, shown) == ""
    assert not site_root.file("/var/service/qpsmtpd/config/databytes").exists()
