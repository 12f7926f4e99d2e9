"""Fixtures: a fake DNS, and qpsmtpd daemons that are stopped when the tests end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.programs import path_of
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, PLUGINS, Daemon
from tests.qpsmtpd.dns import FakeDNS


class Serve(Protocol):
    """Gives the daemon some plugins, between relay and rcpt_ok, and configuration files."""

    def __call__(self, *plugins: str, files: Mapping[str, Sequence[str]] | None = None) -> Daemon:
        """Return the daemon, which has them from the next connection on."""
        ...


Launch = Callable[..., Daemon]


@pytest.fixture(scope="package")
def _dns() -> Iterator[FakeDNS]:
    server = FakeDNS()
    yield server
    server.close()


@pytest.fixture
def dns(_dns: FakeDNS) -> FakeDNS:
    """Return a name server that knows the usual client and the domain of the usual sender."""
    _dns.forget()
    _dns.host("127.0.2.2", "mx.sender.org")
    _dns.add("sender.org", "A", "192.0.2.10")
    return _dns


@pytest.fixture(scope="package")
def _shared(tmp_path_factory: pytest.TempPathFactory, _dns: FakeDNS) -> Iterator[Daemon]:
    """Start one daemon for all tests. With peers it reads what they write for every connection."""
    path_of("qpsmtpd-forkserver")
    folder = tmp_path_factory.mktemp("qpsmtpd")
    daemon = Daemon(folder, _dns, folder / "service/config")
    _configure(daemon)
    daemon.write("plugins", "hosts_allow", "peers")
    # What a list names when the daemon starts is compiled once, and not for every connection.
    daemon.write("peers/0", *names(PLUGINS), "relay", "headers", "dkim", "rcpt_ok", "queue/qmail-queue")
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def shared(_shared: Daemon, dns: FakeDNS) -> Daemon:  # noqa: ARG001 (fixtures cannot use "usefixtures")
    """Return a running daemon for example.com and test.com with peers for its only plugin, and no lists yet."""
    _shared.forget()
    _configure(_shared)
    return _shared


@pytest.fixture
def serve(shared: Daemon) -> Serve:
    """Return a function that gives a running daemon some plugins and configuration files.

    Clients of 127.0.5.0/24 may relay. What it takes is handed to a fake qmail-queue.
    """

    def configure(*plugins: str, files: Mapping[str, Sequence[str]] | None = None) -> Daemon:
        shared.write("peers/0", "relay", *plugins, "rcpt_ok", "queue/qmail-queue")
        for name, lines in (files or {}).items():
            shared.write(name, *lines)
        return shared

    return configure


@pytest.fixture
def launch(tmp_path: Path, dns: FakeDNS) -> Iterator[Launch]:
    """Return a function that starts a daemon of this test's own, with the lines given for config/plugins."""
    path_of("qpsmtpd-forkserver")
    started = []

    def start(*plugins: str) -> Daemon:
        daemon = Daemon(tmp_path, dns, tmp_path / "service/config")
        _configure(daemon)
        daemon.write("plugins", *plugins)
        daemon.start()
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.stop()


def names(folder: Path) -> list[str]:
    """Return the names of the plugins in a folder, as lists of plugins have them."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _configure(daemon: Daemon) -> None:
    daemon.write("plugin_dirs", str(PLUGINS), str(DEBIAN_PLUGINS))
    daemon.write("spool_dir", str(daemon.folder / "spool"))
    daemon.write("loglevel", "6")
    daemon.write("me", "mail.example.com")
    daemon.write("rcpthosts", "example.com", "test.com")
    daemon.write("relayclients", "127.0.5.")
