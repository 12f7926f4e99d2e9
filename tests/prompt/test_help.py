"""Help pages of groups of commands."""

from __future__ import annotations

import re

import click

from esmith.cli import db_help
from esmith.cli import esmith as esmith_command
from esmith.cli.declarations import all_declarations
from esmith.cli.groups import Sentences
from tests.documents import section


def _page(group: click.Group) -> str:
    return " ".join(group.get_help(click.Context(group, info_name="x", terminal_width=100)).split())


def test_each_command_is_below_a_heading() -> None:
    """Each subcommand of esmith, and each verb, is below one heading that says what it is for."""
    for group in (esmith_command.group, db_help.group("config")):
        assert isinstance(group, Sentences)
        context = click.Context(group)
        headings = dict(group.below_headings(context))
        named = [name for names in headings.values() for name in names]
        assert sorted(named) == sorted(group.list_commands(context))
        assert all(f" {heading}: " in _page(group) for heading in headings)


def test_the_headings_are_those_of_the_document() -> None:
    """The list of subcommands in commands.md has the headings of the help page, with the same commands."""
    headings = esmith_command.group.below_headings(click.Context(esmith_command.group))
    lines = re.findall(r"^- \*\*(.*)\*\*: (.*)$", section("commands.md", "`esmith`"), re.MULTILINE)
    listed = {heading: re.findall(r"\[`esmith ([\w-]+)`\]\(#esmith-\1\)", names) for heading, names in lines}
    assert listed == dict(headings)
    assert "Other commands" not in listed


def test_sentences_are_whole() -> None:
    """The help page of a group shows the first sentence of each command to its end."""
    page = _page(esmith_command.group)
    for name, command in esmith_command.subcommands().items():
        first = " ".join((command.help or "").partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
        assert f"{name} {first}"[:60] in page, name
        assert first[-20:].rstrip(":") in page, name
    assert "..." not in page.replace("[ARGS]...", "")


def test_what_no_heading_names_is_shown_as_well() -> None:
    """A command that no heading names is at the end."""
    group = Sentences("x")
    group.headings = {"First": ("a", "nosuch")}
    group.add_command(click.Command("a", help="Do one thing.\n\nMore."))
    group.add_command(click.Command("b", help="Do another, e.g. this: Like so."))
    assert _page(group).endswith("First: a Do one thing. Commands: b Do another, e.g. this.")


def test_no_mark_is_left_in_a_page() -> None:
    """The mark of click for lines that stay as they are is in no help page."""
    groups = [esmith_command.group, db_help.group("config")]
    commands = [*groups, *esmith_command.subcommands().values(), *db_help.group("config").commands.values()]
    assert [one.name for one in commands if "\b" in one.get_help(click.Context(one))] == []


def test_each_command_has_an_example() -> None:
    """The help of each command of an administrator has a line that shows how it is called, to be copied."""
    for declaration in (one for top in all_declarations() for one in top.all()):
        if declaration.words[0] in ("config", "db") or declaration.words == ("esmith",):
            continue
        shown = [block.partition("\n\n")[0] for block in declaration.help.split("\b")[1:]]
        command = rf"(?m)^ +(.*\W)?{re.escape(' '.join(declaration.words))}\b"
        assert any(re.search(command, block) for block in shown), declaration.words
