"""Fixtures: a fake DNS, and qpsmtpd daemons that are stopped when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.programs import requires_program
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, PLUGINS, Daemon
from tests.qpsmtpd.dns import FakeDNS

Serve = Callable[..., Daemon]


@pytest.fixture
def dns() -> Iterator[FakeDNS]:
    """Return a name server that knows the usual client and the domain of the usual sender."""
    server = FakeDNS()
    server.host("127.0.2.2", "mx.sender.org")
    server.add("sender.org", "A", "192.0.2.10")
    yield server
    server.close()


@pytest.fixture
def unstarted(tmp_path: Path, dns: FakeDNS) -> Daemon:
    """Return a daemon for example.com that was not started yet, without plugins."""
    requires_program("qpsmtpd-forkserver", "qpsmtpd")
    daemon = Daemon(tmp_path, dns, tmp_path / "service/config")
    daemon.write("plugin_dirs", str(PLUGINS), str(DEBIAN_PLUGINS))
    daemon.write("spool_dir", str(tmp_path / "spool"))
    daemon.write("loglevel", "6")
    daemon.write("me", "mail.example.com")
    daemon.write("rcpthosts", "example.com", "test.com")
    return daemon


@pytest.fixture
def launch(unstarted: Daemon) -> Iterator[Callable[[], Daemon]]:
    """Return a function that starts the daemon with the configuration it has."""
    started = []

    def start() -> Daemon:
        unstarted.start()
        started.append(unstarted)
        return unstarted

    yield start
    for daemon in started:
        daemon.stop()


@pytest.fixture
def serve(unstarted: Daemon, launch: Callable[[], Daemon]) -> Serve:
    """Return a function that starts the daemon with some plugins and configuration files.

    Clients of 127.0.5.0/24 may relay. What it takes is handed to a fake qmail-queue.
    """

    def start(*plugins: str, files: Mapping[str, Sequence[str]] | None = None) -> Daemon:
        unstarted.write("plugins", "relay", *plugins, "rcpt_ok", "queue/qmail-queue")
        unstarted.write("relayclients", "127.0.5.")
        for name, lines in (files or {}).items():
            unstarted.write(name, *lines)
        return launch()

    return start
