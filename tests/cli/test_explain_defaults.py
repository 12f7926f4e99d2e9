"""A default is seen by Jinja2 fragments and shown by --explain; the commands show what is stored."""

from __future__ import annotations

from tests.commands import Root


def test_explain_says_that_a_value_is_a_default(office: Root) -> None:
    """expand-template --explain names the value that stands for a missing or empty property, and its file."""
    office.config("delprop", "clamav", "MaxFiles")
    office.run("config", "--force", "setprop", "clamav", "MaxThreads", "")
    lines = office.run("expand-template", "--explain", "/etc/clamd.conf").out.splitlines()
    path = "/etc/e-smith/db/configuration/clamav.toml"
    assert f"  reads configuration clamav MaxFiles (missing, so '1500': default in {path})" in lines
    assert f"  reads configuration clamav MaxThreads (empty, so '20': default in {path})" in lines
    assert (
        f"  reads configuration clamav LocalSocket (missing, so '/var/clamav/clamd.socket': unset in {path})" in lines
    )
    assert "  reads configuration clamav MaxFileSize" in lines


def test_getprop_shows_what_is_stored(office: Root) -> None:
    """getprop and show know nothing of a property that was deleted, though its file has the default."""
    office.config("delprop", "clamav", "MaxFiles")
    assert office.config("getprop", "clamav", "MaxFiles", code=1).out == ""
    assert "MaxFiles" not in office.run("config", "show", "clamav").out
