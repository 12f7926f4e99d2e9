"""A whole contrib, as those of SME Server are arranged: looked at, copied, expanded."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.commands import Root
from tests.contrib.kit import NOTICES
from tests.programs import path_of

pytestmark = pytest.mark.program("Text::Template")


@pytest.fixture
def contrib(office: Root) -> Root:
    """Return the office's root with the contrib copied into it."""
    path_of("Text::Template")
    shutil.copytree(NOTICES / "root", office.path, symlinks=True, dirs_exist_ok=True)
    return office


EXPECTED = """\
recipient admin
site example.com {
    content Primary
}
site test.com {
    content none
}
"""


def test_it_is_reported_to_work(office: Root) -> None:
    """esmith contrib check finds nothing against it, and changes nothing."""
    before = office.snapshot("/etc"), office.esmith("history", "--limit", "1").out
    answer = office.esmith("contrib", "check", str(NOTICES))
    assert answer.out == "works, as far as reading it shows; --rehearse expands it in a copy of the root\n"
    assert office.esmith("contrib", "check", "--rehearse", str(NOTICES)).out == "works\n"
    assert (office.snapshot("/etc"), office.esmith("history", "--limit", "1").out) == before
    data = json.loads(office.esmith("contrib", "check", "--json", str(NOTICES)).out)
    assert (data["verdict"], data["rehearsed"], data["findings"]) == ("works", False, [])
    assert {"email-update", "notices-update", "post-upgrade"} <= {one["event"] for one in data["events"]}


def test_it_works(contrib: Root) -> None:
    """Copied, it works with the events of the original: defaults, migration, files, metadata, its action."""
    contrib.config("set", "notices", "service", "Address", "boss@example.com")
    contrib.signal("post-upgrade")
    show = contrib.config("show", "notices").out
    assert show == "notices=service\n    Recipient=boss@example.com\n    Version=3\n    status=enabled\n"
    contrib.config("setprop", "notices", "Recipient", "admin")
    contrib.signal("notices-update", "now")
    assert contrib.read("/etc/notices.conf") == EXPECTED
    assert contrib.config("getprop", "notices", "Sent").out == "1\n"
    assert "notices-update: notice 1 to admin" in contrib.read("/var/log/e-smith/events.log")
    assert contrib.file("/etc/notices.conf").stat().st_mode & 0o777 == 0o644
    assert not contrib.file("/etc/notices-copy.conf").exists()

    contrib.config("setprop", "notices", "Private", "yes")
    contrib.signal("email-update")
    assert contrib.file("/etc/notices.conf").stat().st_mode & 0o777 == 0o600
    # The second file of the template has its own mode, and not the other's FILTER.
    copy = contrib.read("/etc/notices-copy.conf")
    assert copy.startswith("# Notices of mail.example.com\n\nrecipient admin\n")
    assert contrib.file("/etc/notices-copy.conf").stat().st_mode & 0o777 == 0o640
    assert "# enabled: notices go to admin" in contrib.lines("/etc/clamd.conf")


def test_a_second_event_changes_nothing(contrib: Root) -> None:
    """Migrations and files that have nothing to change are left as they are, also the revisions."""
    contrib.signal("console-save")
    before = contrib.snapshot("/etc"), contrib.esmith("history", "--limit", "1").out
    contrib.signal("console-save")
    assert (contrib.snapshot("/etc"), contrib.esmith("history", "--limit", "1").out) == before
