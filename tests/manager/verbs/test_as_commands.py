"""What is done in the panel leaves the same databases and files as the commands that an administrator types."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Root, copy_tree
from tests.manager.browser.compared import difference
from tests.manager.verbs.kit import Desk

STEPS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("as_commands.toml").read_text())["step"]


def _do(desk: Desk, step: dict[str, Any]) -> None:
    """Do a step in the panel: look at it, and apply it."""
    operation = {name: value for name, value in step.items() if name not in ("commands", "short")}
    operation = {"kind": "form" if "key" not in step else "modify", **operation}
    if operation["kind"] != "action":
        operation["revision"] = desk.revision()
        operation["values"] = {name: None if value == "(not set)" else value for name, value in step["values"].items()}
    if operation["kind"] == "delete":
        del operation["values"]
    desk.preview(operation)
    job = desk.apply(operation)
    assert job["state"] == "done", job


def _compare(office: Root, desk: Desk, steps: list[dict[str, Any]]) -> None:
    typed = Root(office.path.with_name("typed"))
    copy_tree(office.path, typed.path)
    for step in steps:
        _do(desk, step)
        for line in step["commands"]:
            typed.run(*shlex.split(line))
        assert difference(office, typed) == "", step


def test_some_steps(office: Root, office_desk: Desk) -> None:
    """A user comes and goes: databases and files are the same after each step."""
    steps = [step for step in STEPS if step.get("short")]
    assert len(steps) == 2
    _compare(office, office_desk, steps)


@pytest.mark.long
def test_each_step(office: Root, office_desk: Desk) -> None:
    """The same with each of the pages: all that comes, is changed and goes, and the settings of the forms."""
    _compare(office, office_desk, STEPS)
