"""The plugin lines of config/peers, loaded by qpsmtpd itself, as far as Debian's qpsmtpd has the plugins."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.content.desk import Desk
from tests.daemons.generated import install, this_user
from tests.programs import path_of
from tests.qpsmtpd.daemon import needs_qpsmtpd

pytestmark = needs_qpsmtpd

CONFIG = "/var/service/qpsmtpd/config"
PLUGINS = Path("/usr/share/qpsmtpd/plugins")
READY_SECONDS = 30
EVERYTHING = """\
config setprop qpsmtpd Karma enabled Bcc enabled DNSBL enabled RHSBL enabled URIBL enabled HeloPolicy strict
config setprop qpsmtpd DMARCReject enabled SPFRejectPolicy 4 PatternsScan enabled
config setprop smtpd MaxDateOffset 7 disclaimer enabled
config setprop spamassassin Sensitivity custom RejectLevel 12 TagLevel 4 SubjectTag enabled
config set DelegateMailServer 10.0.0.9
"""
#: What qpsmtpd and Perl report about a plugin that could not take its arguments.
TROUBLE = (
    "FATAL",
    "Odd number",
    "Can't",
    "Bad arguments",
    "Unrecognized",
    "specified",
    "invalid",
    "failed",
    "not found",
)
#: Reported about what is not there when only the lines are tried.
ABSENT = ("Mail::DMARC",)


def _start(lines: list[str], directory: Path) -> str:
    """Start qpsmtpd with some plugins on a free port of 127.0.0.1, stop it again, and return what it printed."""
    program = path_of("qpsmtpd-forkserver")
    config, spool, log = directory / "config", directory / "spool", directory / "log"
    config.mkdir()
    spool.mkdir(mode=0o700)
    values = {"plugins": "\n".join(lines), "plugin_dirs": str(PLUGINS), "spool_dir": str(spool), "loglevel": "6"}
    for name, value in values.items():
        (config / name).write_text(value + "\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [program, "-u", this_user(), "-l", "127.0.0.1", "-p", port],
            env={"PATH": "/usr/bin:/bin", "QPSMTPD_CONFIG": str(config)},
            stdout=output,
            stderr=output,
            cwd=directory,
            start_new_session=True,
        ) as daemon,
    ):
        deadline = time.monotonic() + READY_SECONDS
        while "Listening on" not in log.read_text() and daemon.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        daemon.terminate()
        daemon.wait(READY_SECONDS)
    return log.read_text()


@pytest.mark.parametrize("peers", ["0", "local"])
@pytest.mark.parametrize("commands", ["", EVERYTHING], ids=["defaults", "everything"])
def test_qpsmtpd_loads_the_plugins(desk: Desk, tmp_path: Path, peers: str, commands: str) -> None:
    """qpsmtpd starts with the plugin lines and their arguments, and none of them complains."""
    lines = install(desk, commands, f"{CONFIG}/peers/{peers}", tmp_path / "peers").splitlines()
    known = [line for line in lines if not line.startswith("#") and (PLUGINS / line.split()[0]).is_file()]
    printed = _start(known, tmp_path)
    assert "Listening on" in printed, printed
    assert _trouble(printed) == []
    assert len(known) > 8


def _trouble(printed: str) -> list[str]:
    lines = [line for line in printed.splitlines() if not any(word in line for word in ABSENT)]
    return [line for line in lines if any(word in line for word in TROUBLE)]


@pytest.mark.parametrize(
    "line", ["no_such_plugin x", "helo policy lenient reject", "karma penalty_days", "virus/clamav max_size=much"]
)
def test_qpsmtpd_notices_a_line_that_is_wrong(tmp_path: Path, line: str) -> None:
    """The check itself works: a plugin that does not exist and arguments that make no sense are complained of."""
    assert _trouble(_start(["rcpt_ok", line], tmp_path)) != []
