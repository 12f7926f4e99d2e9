"""The last line of a command names the files at fault and their packages."""

from __future__ import annotations

import pytest

from esmith.cli.left_out import because_of
from esmith.layout import Layout
from esmith.services import packages


def test_no_more_than_three_are_named() -> None:
    """A long list is cut; paths are those of the configured system."""
    files = [f"/r/etc/e-smith/{name}" for name in "abcde"]
    layout = Layout("/r")
    assert because_of([], layout) == ""
    assert because_of(files[:1], layout) == ", because of /etc/e-smith/a"
    assert because_of(files[:2], layout) == ", because of /etc/e-smith/a and /etc/e-smith/b"
    assert because_of(files, layout).endswith("/etc/e-smith/a, /etc/e-smith/b, /etc/e-smith/c and 2 more")


def test_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under / a file that a Debian package installed is named with it, others without."""
    program = "/usr/bin/dpkg-query"
    text = because_of([program, "/nowhere"], Layout("/"))
    assert text == f", because of {program} (package dpkg) and /nowhere"
    monkeypatch.setattr(packages, "which", lambda *_: None)
    assert because_of([program], Layout("/")) == f", because of {program}"
