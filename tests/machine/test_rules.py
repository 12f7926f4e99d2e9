"""The directory of SpamAssassin's rules, whichever was there first."""

from __future__ import annotations

import os

from esmith.layout import Layout
from esmith.setup.machine.rules import DEBIANS, OURS, is_apart, join_rules
from tests.commands import Root

LOCAL = f"{OURS}/local.cf"


def _debians(root: Root) -> None:
    root.write(f"{DEBIANS}/local.cf", "# Debian's\n")
    root.write(f"{DEBIANS}/init.pre", "# Debian's\n")


def test_a_directory_of_ours_becomes_the_link(root: Root) -> None:
    """After Debian's package came the directory becomes its link; own rules move along, the generated file is its."""
    root.signal("email-update")
    generated = root.read(LOCAL)
    _debians(root)
    root.file(f"{OURS}/init.pre").symlink_to(root.file(f"{DEBIANS}/init.pre"))
    root.write(f"{OURS}/own.cf", "score MINE 1\n")
    layout = Layout(str(root.path))
    assert is_apart(layout)
    assert join_rules(layout) == [f"{OURS} is a link to {DEBIANS} now, as Debian's package has it"]
    assert os.readlink(root.file(OURS)) == "../spamassassin"
    assert not is_apart(layout)
    assert root.read(f"{DEBIANS}/own.cf") == "score MINE 1\n"
    assert root.read(f"{DEBIANS}/init.pre") == "# Debian's\n"
    root.signal("email-update")
    assert root.read(LOCAL) == generated
    # What Debian had there is not lost.
    root.esmith("remove")
    assert root.read(f"{DEBIANS}/local.cf") == "# Debian's\n"


def test_what_has_the_same_name_stays(root: Root) -> None:
    """A file of the administrator that Debian's directory has too stays where it is, and is named."""
    _debians(root)
    root.write(f"{OURS}/init.pre", "# mine\n")
    lines = join_rules(Layout(str(root.path)))
    assert "init.pre" in lines[0]
    assert root.read(f"{OURS}/init.pre") == "# mine\n"


def test_without_the_package_nothing_changes(root: Root) -> None:
    """Where Debian's directory is not there, ours stays."""
    root.signal("email-update")
    assert join_rules(Layout(str(root.path))) == []
    assert root.file(LOCAL).exists()
