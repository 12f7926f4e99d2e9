"""clamd.conf and freshclam.conf, read by ClamAV itself."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.content.desk import Desk
from tests.content.random_values import values
from tests.daemons.generated import ask, install, this_user
from tests.programs import path_of

CLAMD = "/etc/clamd.conf"
FRESHCLAM = "/etc/freshclam.conf"
COMPLAINT = re.compile(r"error|warning|deprecated|unknown|not found in the configuration|ignor", re.IGNORECASE)
READY_SECONDS = 30
TEST_SIGNATURE = "Test.Fragment:0:*:" + b"a-harmless-string-that-counts-as-a-virus".hex()


@pytest.fixture(scope="module")
def clamconf() -> str:
    """Return the program that shows what ClamAV reads in its configuration."""
    return path_of("clamconf")


def _complaints(output: str) -> list[str]:
    return [line for line in output.splitlines() if COMPLAINT.search(line)]


def _read_by(clamconf: str, directory: Path) -> tuple[dict[str, str], list[str]]:
    """Return the settings that differ from ClamAV's own, and the complaints, about the files of a directory."""
    done = ask(clamconf, "-n", "-c", directory)
    text = done.stdout.partition("Software settings")[0]
    known = re.findall(r"(?m)^(\w+)(?: = (.*)| disabled)$", text)
    settings = {name: value.strip('"') if value.count('"') == 2 else value for name, value in known}
    return settings, _complaints(done.stderr + text)


def _install_both(desk: Desk, commands: str, directory: Path) -> None:
    install(desk, commands, CLAMD, directory / "clamd.conf")
    install(desk, commands, FRESHCLAM, directory / "freshclam.conf")


YES = "ArchiveBlockEncrypted DetectBrokenExecutables Debug LogClean LogTime LeaveTemporaryFiles HeuristicScanPrecedence"
NO = "ScanArchive ScanHTML ScanMail ScanOLE2 ScanPE LogVerbose Foreground HeuristicScanPrecedence"

SETTINGS = {
    "defaults": ("", {"MaxFileSize": str(15 << 20), "MaxFiles": "1500", "MaxRecursion": "8", "Checks": "24"}),
    "all-yes": (
        "config setprop clamav " + " ".join(f"{name} yes" for name in YES.split()),
        {"AlertEncrypted": "yes", "AlertBrokenExecutables": "yes", "HeuristicScanPrecedence": "yes"},
    ),
    "all-no": (
        "config setprop clamav " + " ".join(f"{name} no" for name in NO.split()),
        {"ScanArchive": "", "ScanMail": "", "ScanPE": ""},
    ),
    "limits": (
        "config setprop clamav MaxFileSize 20000000 StreamMaxLength 900k MaxFiles 7 MaxRecursion 3 MaxThreads 5",
        {"MaxFileSize": "20000000", "StreamMaxLength": "921600", "MaxFiles": "7", "MaxRecursion": "3"},
    ),
    "port": (
        "config setprop clamav TCPSocket 3311 TCPAddr 127.0.0.1",
        {"TCPSocket": "3311", "TCPAddr": "127.0.0.1"},
    ),
    "places": (
        "config setprop clamav DatabaseDirectory /srv/db LocalSocket '/srv/a b' TemporaryDirectory /tmp User scanner",
        {"DatabaseDirectory": "/srv/db", "LocalSocket": "/srv/a b", "DatabaseOwner": "scanner"},
    ),
    "proxy": (
        "config setprop clamav HTTPProxyServer p.example.org HTTPProxyPort 8080 HTTPProxyUsername joe"
        """ HTTPProxyPassword '"x#y z '""",
        {"HTTPProxyServer": "p.example.org", "HTTPProxyPort": "8080"},
    ),
}


@pytest.mark.parametrize(("commands", "expected"), SETTINGS.values(), ids=SETTINGS)
@pytest.mark.program("clamconf")
def test_clamconf_reads_the_settings(
    desk: Desk, clamconf: str, tmp_path: Path, commands: str, expected: dict[str, str]
) -> None:
    """ClamAV finds nothing to complain of in the two files, and reads the values that were set."""
    _install_both(desk, commands, tmp_path)
    read, complaints = _read_by(clamconf, tmp_path)
    assert complaints == []
    assert {name: read.get(name) for name in expected} == expected


@pytest.mark.parametrize("password", ["secret", '"', '"x"', "x ", "a b", "#", "a#b", "'", "\\", "$HOME", '"a" b', "ü"])
@pytest.mark.program("clamconf")
def test_freshclam_reads_the_password_as_it_was_set(desk: Desk, clamconf: str, tmp_path: Path, password: str) -> None:
    """Quotes, blanks and signs in the proxy's password reach freshclam unchanged."""
    with desk.trial() as trial:
        trial.do_words(["config", "setprop", "clamav", "HTTPProxyUsername", "joe", "HTTPProxyPassword", password])
        (tmp_path / "freshclam.conf").write_text(trial.file(FRESHCLAM))
    output = ask(clamconf, "-n", "-c", tmp_path).stdout
    assert f'HTTPProxyPassword = "{password}"\n' in output


@pytest.mark.parametrize(
    "line", ["ScanRAR no", "MaxThreads many", "DetectBrokenExecutables yes", "AllowSupplementaryGroups yes", "ScanPE"]
)
@pytest.mark.program("clamconf")
def test_clamconf_notices_a_line_that_is_wrong(desk: Desk, clamconf: str, tmp_path: Path, line: str) -> None:
    """The check itself works: a directive that ClamAV of today lacks, or a wrong value, is complained of."""
    _install_both(desk, "", tmp_path)
    with (tmp_path / "clamd.conf").open("a") as file:
        file.write(line + "\n")
    assert _read_by(clamconf, tmp_path)[1] != []


@settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.program("clamconf")
def test_clamconf_takes_whatever_setprop_takes(
    desk: Desk, clamconf: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """ClamAV complains of no value that the schema of clamav allows."""
    record = desk.schema.record("configuration", "clamav", "service")
    assert record is not None
    directory = tmp_path_factory.mktemp("clam")
    with desk.trial() as trial:
        for name in data.draw(st.lists(st.sampled_from(sorted(record.properties)), min_size=1, max_size=15)):
            trial.do_words(["config", "setprop", "clamav", name, data.draw(values(record.properties[name]))])
        for path in (CLAMD, FRESHCLAM):
            (directory / Path(path).name).write_text(trial.file(path))
    assert _read_by(clamconf, directory)[1] == []
    shutil.rmtree(directory)


def _places(tmp_path: Path) -> str:
    """Return the commands that make ClamAV live in the test's directory, as the user of the test."""
    for name in ("db", "tmp"):
        (tmp_path / name).mkdir(exist_ok=True)
    return (
        f"config setprop clamav DatabaseDirectory {tmp_path}/db LocalSocket {tmp_path}/s"
        f" TemporaryDirectory {tmp_path}/tmp User {this_user()} MaxFileSize 20k StreamMaxLength 50k MaxFiles 77\n"
    )


@contextlib.contextmanager
def _clamd(program: str, config: Path, log: Path, socket_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run clamd until the end of the block; it answers by then."""
    with log.open("wb") as output, subprocess.Popen([program, "-c", config], stdout=output, stderr=output) as daemon:
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not _listens(socket_path):
                assert daemon.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield daemon
        finally:
            daemon.terminate()
            daemon.wait(READY_SECONDS)


def _listens(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_path)) == 0


def _answer_of(socket_path: Path, words: bytes) -> str:
    """Return what clamd answers; it may hang up before it has read everything."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(READY_SECONDS)
        client.connect(str(socket_path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(words)
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(4096):
                answer += part
    return answer.rstrip(b"\0").decode()


def _scan(socket_path: Path, body: bytes) -> str:
    return _answer_of(socket_path, b"zINSTREAM\0" + len(body).to_bytes(4) + body + bytes(4))


@pytest.mark.program("clamd")
def test_clamd_runs_on_its_file(desk: Desk, tmp_path: Path) -> None:
    """clamd starts on the generated file without a complaint, answers, scans, and keeps the limits that were set."""
    program = path_of("clamd")
    config, log, place = tmp_path / "clamd.conf", tmp_path / "log", tmp_path / "s"
    install(desk, _places(tmp_path), CLAMD, config)
    (tmp_path / "db/test.ndb").write_text(TEST_SIGNATURE + "\n")
    with _clamd(program, config, log, place) as daemon:
        assert _answer_of(place, b"zPING\0") == "PONG"
        assert _scan(place, b"harmless") == "stream: OK"
        assert _scan(place, b"x a-harmless-string-that-counts-as-a-virus y").endswith("Test.Fragment.UNOFFICIAL FOUND")
        assert "size limit exceeded" in _scan(place, b"x" * 60_000)
        daemon.terminate()
        assert daemon.wait(READY_SECONDS) == 0
    logged = log.read_text()
    assert [line for line in _complaints(logged) if "INSTREAM: Size limit reached" not in line] == []
    assert "File size limit set to 20480 bytes" in logged
    assert "Files limit set to 77" in logged


@pytest.mark.program("clamd")
def test_clamd_refuses_a_broken_file(desk: Desk, tmp_path: Path) -> None:
    """The check itself works: clamd does not start with a directive it does not know."""
    program = path_of("clamd")
    config = tmp_path / "clamd.conf"
    text = install(desk, _places(tmp_path), CLAMD, config)
    config.write_text(text + "ScanRAR no\n")
    done = ask(program, "-c", config)
    assert done.returncode == 1
    assert "Unknown option ScanRAR" in done.stderr + done.stdout


def _update(program: str, config: Path) -> subprocess.CompletedProcess[str]:
    """Let freshclam take signatures from a file beside its configuration; nothing is downloaded, nobody is notified."""
    (config.parent / "site.ndb").write_text(TEST_SIGNATURE + "\n")
    text = re.sub(r"(?m)^NotifyClamd .*\n", "", config.read_text())
    config.write_text(text + f"DatabaseCustomURL file://{config.parent}/site.ndb\n")
    return ask(program, f"--config-file={config}", "--update-db=custom", "--no-dns")


LOGIN = "config setprop clamav HTTPProxyServer p.example.org HTTPProxyUsername joe"


@pytest.mark.parametrize(
    "commands", ["", LOGIN, LOGIN + " HTTPProxyPassword 'se cret'"], ids=["defaults", "user-only", "user-and-password"]
)
@pytest.mark.program("freshclam")
def test_freshclam_updates_with_its_file(desk: Desk, tmp_path: Path, commands: str) -> None:
    """freshclam takes the generated file, with its mode, and installs signatures into the directory it names."""
    program = path_of("freshclam")
    install(desk, _places(tmp_path) + commands, FRESHCLAM, tmp_path / "freshclam.conf")
    done = _update(program, tmp_path / "freshclam.conf")
    assert done.returncode == 0, done.stderr
    assert [line for line in _complaints(done.stderr) if "DNS Update Info disabled" not in line] == []
    assert (tmp_path / "db/site.ndb").read_text() == TEST_SIGNATURE + "\n"


@pytest.mark.parametrize("line", ["Foo bar", "HTTPProxyUsername joe", "HTTPProxyPassword open-to-all"])
@pytest.mark.program("freshclam")
def test_freshclam_refuses_a_broken_file(desk: Desk, tmp_path: Path, line: str) -> None:
    """The check itself works: an unknown directive, a user without a password, a password all may read are refused."""
    program = path_of("freshclam")
    config = tmp_path / "freshclam.conf"
    text = install(desk, _places(tmp_path), FRESHCLAM, config)
    config.write_text(f"{text}HTTPProxyServer p.example.org\n{line}\n")
    assert _update(program, config).returncode == 2


@pytest.mark.program("freshclam")
def test_freshclam_reaches_a_proxy_by_its_ipv6_address(desk: Desk, tmp_path: Path) -> None:
    """The proxy of the setting is asked, be its address one of IPv6."""
    asked: list[bytes] = []
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as proxy:
        lines = f"config setprop clamav HTTPProxyServer ::1 HTTPProxyPort {proxy.getsockname()[1]} MaxAttempts 1"
        install(desk, _places(tmp_path) + lines, FRESHCLAM, tmp_path / "freshclam.conf")
        proxy.settimeout(READY_SECONDS)

        def refuse() -> None:
            while True:
                try:
                    client = proxy.accept()[0]
                except OSError:
                    return
                with client:
                    asked.append(client.recv(1000))
                    client.sendall(b"HTTP/1.0 503 no\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        config = tmp_path / "freshclam.conf"
        ask(path_of("freshclam"), f"--config-file={config}", "--no-dns")
        proxy.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert asked and asked[0].startswith(b"CONNECT ")
