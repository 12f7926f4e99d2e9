"""Fixtures: an empty pair of layers, and an office in which somebody has worked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.protocol import Snapshot, Store
from tests.commands import Root, copy_tree
from tests.events.kit import make_event
from tests.fragments.kit import Trees

SECRET = "hunter2-secret"


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    """Templates under a root of their own, without a comment at their beginning."""
    made = Trees(tmp_path / "root")
    made.standard("/template-begin")
    return made


@pytest.fixture(scope="session")
def _worked(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explain") / "root"
    copy_tree(_office, path)
    root = Root(path)
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    root.config("set", "box", "vpnbox", "Password", SECRET, "Port", "1")
    root.custom("/etc/box.conf/10x", "password {{ box.Password }}\nport {{ box.Port }}\n")
    root.custom("/etc/mail/spamassassin/local.cf/20localscores", "score SARE_ADULT2 20.000\n")
    root.custom("/etc/mail/spamassassin/local.cf/10report_safe", "report_safe 1\n")
    root.custom("/etc/mail/spamassassin/local.cf/10paths", "")
    make_event(path, "box-update", templates="/etc/box.conf\n")
    root.signal("email-update")
    root.signal("box-update")
    root.write("/etc/pine.conf", "# mine\n" + root.read("/etc/pine.conf"))
    root.config("setprop", "clamav", "MaxFileSize", "20M")
    return path


@pytest.fixture
def worked(_worked: Path) -> Root:
    """Return an office in which settings and fragments were changed. Tests only look at it: it is the same for all."""
    return Root(_worked)


@pytest.fixture
def store(_worked: Path) -> Iterator[Store]:
    """Return the store of that office."""
    opened = open_store(Layout(str(_worked)))
    yield opened
    opened.close()


@pytest.fixture
def seen(_worked: Path, store: Store) -> Iterator[tuple[Layout, Snapshot]]:
    """Return the layout of that office, and its databases."""
    with store.snapshot() as snapshot:
        yield Layout(str(_worked)), snapshot
