"""Which supervisor has a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import UsageError
from esmith.layout import Layout
from esmith.services import find
from esmith.services.find import find_supervisor
from esmith.services.model import Status, UnsupervisedError
from tests.documents import HOME

from .servers import Server, ServiceTree
from .test_systemd import FakeSystemctl

#: No machine has a service of this name.
_NOWHERE = "esmith-test-nowhere"


def test_unknown_service(tree: ServiceTree) -> None:
    """Where there is neither a service directory nor a unit, nobody has the service."""
    assert find_supervisor(Layout(tree.root), "imap") is None


def test_settings_alone_are_no_service(tree: ServiceTree, tmp_path: Path) -> None:
    """Expanding the templates of a service that is not installed does not make it one."""
    (tmp_path / "var" / "service" / "qpsmtpd" / "config").mkdir(parents=True)
    assert find_supervisor(Layout(tree.root), "qpsmtpd") is None


def test_service_directory_that_nothing_supervises(tree: ServiceTree) -> None:
    """It is distinguished from an unknown service: its pending action can be done once its supervisor runs."""
    tree.add("imap")
    supervisor = find_supervisor(Layout(tree.root), "imap")
    assert supervisor is not None
    assert supervisor.name == "none"
    assert supervisor.status("imap").state is Status.UNSUPERVISED
    with pytest.raises(UnsupervisedError, match=f"start runsvdir .* on {tree.folder}"):
        supervisor.control("imap", "restart")


def test_supervised_service(server: Server, tree: ServiceTree) -> None:
    """The live supervisor is found, of the kind it is; when it is gone nothing supervises the service."""
    tree.add("imap")
    server.start()
    supervisor = find_supervisor(Layout(tree.root), "imap")
    assert supervisor is not None
    assert supervisor.name == server.supervisor().name
    assert supervisor.status("imap").pid == server.ready("imap")
    server.stop()
    supervisor = find_supervisor(Layout(tree.root), "imap")
    assert supervisor is not None
    assert supervisor.status("imap").state is Status.UNSUPERVISED


@pytest.mark.program("runsvdir", "sv")
def test_a_live_supervisor_wins_over_a_dead_directory(runit: Server, tree: ServiceTree, tmp_path: Path) -> None:
    """/service has the service but nothing supervises it; /etc/service, as Debian scans it, is live."""
    tree.add("imap")
    other = tmp_path / "other"
    other.mkdir()
    live = ServiceTree(str(other))
    live.add("imap")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "service").symlink_to(live.folder)
    runit.tree = live
    runit.start()
    supervisor = find_supervisor(Layout(tree.root), "imap")
    assert supervisor is not None
    assert supervisor.name == "runit"
    assert supervisor.status("imap").pid == runit.ready("imap")


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemctl:
    """A machine on which systemd seems to run."""
    systemctl = FakeSystemctl(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(systemctl.path.parent), prepend=":")
    monkeypatch.setattr(find, "SYSTEMD_RUNS", str(tmp_path))
    return systemctl


def test_systemd_has_the_units_of_the_machine(systemctl: FakeSystemctl) -> None:
    """On the machine itself a unit is found; a service without one is unknown."""
    supervisor = find_supervisor(Layout("/"), _NOWHERE)
    assert supervisor is not None
    assert supervisor.name == "systemd"
    systemctl.shows("LoadState=not-found\n")
    assert find_supervisor(Layout("/"), _NOWHERE) is None


def test_a_generated_script_is_no_service(systemctl: FakeSystemctl) -> None:
    """systemd makes a unit of a script in /etc/init.d; one of ours only hands its word on, and starts nothing."""
    script = f"/etc/init.d/{_NOWHERE}"
    systemctl.shows(f"LoadState=loaded\nActiveState=inactive\nSourcePath={script}\n")
    assert find_supervisor(Layout("/"), _NOWHERE) is not None
    assert find._is_generated(Layout(str(HOME)), "/etc/init.d/qmail") is False
    assert find._is_generated(_Shipped("/"), "/etc/init.d/qmail") is True
    assert find._is_generated(_Shipped("/"), "") is False


class _Shipped(Layout):
    """A layout whose layers are those of this repository."""

    def layer(self, name: str) -> str:
        """Return the shipped layer."""
        return str(HOME / name)


@pytest.mark.usefixtures("systemctl")
def test_systemd_has_nothing_of_another_root(tree: ServiceTree) -> None:
    """Trying things out under a folder never touches the machine's own services."""
    assert find_supervisor(Layout(tree.root), "dovecot") is None


@pytest.mark.usefixtures("systemctl")
def test_systemd_that_is_not_the_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemctl may be installed where something else is the init; it is not asked then."""
    monkeypatch.setattr(find, "SYSTEMD_RUNS", str(tmp_path / "nowhere"))
    assert find_supervisor(Layout("/"), _NOWHERE) is None


@pytest.mark.parametrize("name", ["", ".", "..", "../imap", "imap/log", "-a", "imap*", "im ap", "imap\n", "\N{BULLET}"])
def test_what_cannot_be_a_name(tree: ServiceTree, name: str) -> None:
    """A name never becomes a path, an option or a pattern."""
    with pytest.raises(UsageError, match="cannot be the name of a service"):
        find_supervisor(Layout(tree.root), name)


@pytest.mark.parametrize("name", ["imap", "httpd-e-smith", "php8.2-fpm", "wg-quick@wg0", "a_b", "x\\x2dy"])
def test_what_can_be_a_name(tree: ServiceTree, name: str) -> None:
    """The names there are on SME Server and in systemd."""
    assert find_supervisor(Layout(tree.root), name) is None
