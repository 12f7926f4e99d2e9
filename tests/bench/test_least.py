"""The least work for a command, beside which it is measured: it does that work."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from bench import roots
from bench.workshop import LEAST_PROGRAM
from tests.commands import Root


def _least(word: str, *arguments: str | Path) -> str:
    argv = [sys.executable, "-IS", str(LEAST_PROGRAM), sysconfig.get_path("platlib"), word, *map(str, arguments)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_a_property_is_read_and_written(root: Root) -> None:
    """What it reads and writes is what the commands write and read."""
    store = root.path / roots.DATABASE
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    assert _least("read", store, "configuration", "qpsmtpd", "DNSBL") == "enabled"
    _least("write", store, "configuration", "qpsmtpd", "KarmaStrikes", "7")
    assert root.config("getprop", "qpsmtpd", "KarmaStrikes").out == "7\n"


def test_all_records_are_read(root: Root) -> None:
    """Its keys are those that the command prints, and its rows hold each value."""
    store = root.path / roots.DATABASE
    root.db("domains", "set", "example.org", "domain", "Description", "The other one")
    assert _least("keys", store, "domains") + "\n" == root.db("domains", "keys").out
    rows = _least("rows", store, "domains")
    assert "example.org" in rows
    assert "The other one" in rows


def test_each_generated_file_is_looked_at(tmp_path: Path) -> None:
    """A file that is not there ends it, so none can be left out without a trace."""
    listing = tmp_path / "listing"
    listing.write_bytes(b"%b\0" % bytes(tmp_path))
    assert _least("look", listing) == ""
    listing.write_bytes(b"%b\0%b\0" % (bytes(tmp_path), bytes(tmp_path / "missing")))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _least("look", listing)
    assert "FileNotFoundError" in caught.value.stderr
