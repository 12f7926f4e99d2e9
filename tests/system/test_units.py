"""``esmith init --services systemd``: units, the links that enable them, and what is done at boot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import Root, initialise
from tests.system.boot import Unit, boot_units, in_order

_UNITS = "/etc/systemd/system"
_AT_BOOT = {"esmith-bootstrap.service", "esmith-daily.service", "esmith-daily.timer", "esmith-recover.service"}
#: Its links, relative to the folder of units, by the names of what they start.
_WANTED = "multi-user.target.wants"


def _names(root: Root, folder: str = _UNITS) -> set[str]:
    return {path.name for path in root.file(folder).iterdir() if not path.is_dir() or path.is_symlink()}


def _enabled(root: Root) -> set[str]:
    return _names(root, f"{_UNITS}/{_WANTED}") | _names(root, f"{_UNITS}/timers.target.wants")


def _init(root: Root, *words: str) -> str:
    return root.esmith("init", *words).err


def test_a_unit_for_each_service(root: Root) -> None:
    """Each service that has a run script has a unit that starts it; those of boot and of the daily jobs are there."""
    _init(root, "--services", "systemd")
    scripts = {path.parent.name for path in root.file("/var/service").glob("*/run")}
    assert {"clamd", "dovecot", "qpsmtpd", "spamd"} < scripts
    assert _names(root) == {f"{name}.service" for name in scripts} | _AT_BOOT | {"esmith-logs.service"}
    clamd = root.lines(f"{_UNITS}/clamd.service")
    assert f"ExecStart={root.path}/var/service/clamd/run" in clamd
    assert "NoNewPrivileges=yes" in clamd
    assert not re.search("@[A-Z]+@", "".join(root.read(f"{_UNITS}/{name}") for name in _names(root)))
    assert not root.file("/var/service/clamd/log").exists()


def test_the_logs_of_all_services_are_copied(root: Root) -> None:
    """The unit of the logs is started before the services, and names each of them; runit has none."""
    _init(root, "--services", "systemd")
    scripts = sorted(path.parent.name for path in root.file("/var/service").glob("*/run"))
    unit = root.lines(f"{_UNITS}/esmith-logs.service")
    assert f"ExecStart={root.path}/sbin/e-smith/esmith-logs {' '.join(scripts)}" in unit
    assert f"Before={' '.join(f'{name}.service' for name in scripts)}" in unit
    assert "esmith-logs.service" in _enabled(root)
    _init(root, "--services", "runit")
    assert not root.file(f"{_UNITS}/esmith-logs.service").exists()


def test_status_decides_what_is_enabled(root: Root) -> None:
    """The links of systemctl enable are there for what is enabled; they follow the status when it is run again."""
    _init(root, "--services", "systemd")
    first = _enabled(root)
    assert {"clamd.service", "esmith-watch.service", "esmith-recover.service", "esmith-daily.timer"} <= first
    assert "fetchmail.service" not in first
    root.config("setprop", "clamd", "status", "disabled")
    _init(root, "--services", "systemd")
    assert _enabled(root) == first - {"clamd.service"}
    root.config("setprop", "clamd", "status", "enabled")
    _init(root, "--services", "systemd")
    assert _enabled(root) == first


@pytest.mark.program("apache2")
def test_a_reload_of_the_web_server_is_one_of_php(root: Root) -> None:
    """Who restarts Apache for a new php.ini has php-fpm read it, also where systemd only reloads Apache."""
    _init(root, "--services", "systemd")
    reloads = [line for line in root.lines(f"{_UNITS}/httpd-e-smith.service") if line.startswith("ExecReload=")]
    assert reloads[0] == "ExecReload=/bin/kill -HUP $MAINPID"
    script = reloads[1].split("'")[1].replace("$$", "$")
    root.write("/run/php/php8.2-fpm.pid", "1\n")
    called = root.file("/called")
    root.write("/sbin/e-smith/esmith", f'#!/bin/sh\necho "$ESMITH_ROOT $*" >>{called}\n', mode=0o755)
    for age, lines in ((-10, []), (10, [f"{root.path}/ control php-fpm usr2"])):
        os.utime(root.write("/etc/php.ini", ""), (2_000_000_000 + age, 2_000_000_000 + age))
        os.utime(root.file("/run/php/php8.2-fpm.pid"), (2_000_000_000, 2_000_000_000))
        subprocess.run(["/bin/sh", "-c", script], check=True, timeout=60)
        assert (called.read_text().splitlines() if called.exists() else []) == lines


def test_a_second_run_changes_nothing(root: Root) -> None:
    """What is as it should be is not touched."""
    _init(root, "--services", "systemd")
    before = root.snapshot(_UNITS, "/var/service")
    assert _init(root, "--services", "systemd") == ""
    assert root.snapshot(_UNITS, "/var/service") == before


def test_a_service_that_completes_something_has_the_time(root: Root) -> None:
    """A unit waits as long for the end of a service as its definition says."""
    root.write("/var/qmail/bin/qmail-start", "#!/bin/sh\n", mode=0o755)
    _init(root, "--services", "systemd")
    assert "TimeoutStopSec=7200" in root.lines(f"{_UNITS}/qmail.service")
    assert "TimeoutStopSec=30" in root.lines(f"{_UNITS}/clamd.service")


def test_an_edited_unit_is_kept(root: Root) -> None:
    """A unit that was edited by hand is replaced, and a backup copy is named."""
    _init(root, "--services", "systemd")
    shipped = root.read(f"{_UNITS}/clamd.service")
    root.write(f"{_UNITS}/clamd.service", "[Service]\nExecStart=/bin/true\n")
    assert "clamd.service was edited by hand; a backup copy is" in _init(root, "--services", "systemd")
    assert root.read(f"{_UNITS}/clamd.service") == shipped


def test_a_unit_of_the_administrator(root: Root, tmp_path: Path) -> None:
    """A unit of the administrator under a name of ours is replaced: a file is kept, the target of a link is named."""
    root.write(f"{_UNITS}/qpsmtpd.service", "# mine\n")
    elsewhere = tmp_path / "own.service"
    elsewhere.write_text("# mine, too\n")
    root.file(f"{_UNITS}/clamd.service").symlink_to(elsewhere)
    printed = _init(root, "--services", "systemd")
    copy = re.search(r"qpsmtpd\.service was there already; a backup copy is (\S+)", printed)
    assert copy
    assert root.read(copy[1]) == "# mine\n"
    assert f"{_UNITS}/clamd.service was a link to {elsewhere}, and is the unit of ours now" in printed
    assert elsewhere.read_text() == "# mine, too\n"
    assert "ExecStart=" in root.read(f"{_UNITS}/clamd.service")


def test_an_edited_unit_is_kept_when_it_goes(root: Root) -> None:
    """A unit that was edited by hand is kept as a backup copy when it is removed; another one goes without a word."""
    _init(root, "--services", "systemd")
    unit = root.file(f"{_UNITS}/clamd.service")
    unit.write_text(unit.read_text() + "# mine\n")
    printed = _init(root, "--services", "runit")
    assert "clamd.service was edited by hand; a backup copy is" in printed
    assert printed.count("backup copy") == 1
    assert not unit.exists()


def test_custom_part_of_a_unit(root: Root) -> None:
    """What the administrator has in services-custom takes the place of the shipped part."""
    root.write("/etc/e-smith/services-custom/clamd/systemd", "[Service]\nNice=5\n")
    _init(root, "--services", "systemd")
    clamd = root.lines(f"{_UNITS}/clamd.service")
    assert clamd[-2:] == ["[Service]", "Nice=5"]
    assert "NoNewPrivileges=yes" not in clamd


def test_from_one_supervisor_to_another(root: Root) -> None:
    """Only one supervisor is left with a service: links of runit are removed for systemd, and units for runit."""
    _init(root, "--services", "runit")
    assert root.file("/service/clamd/log/run").exists()
    _init(root, "--services", "systemd")
    assert root.file("/service").resolve() == root.file("/var/service")
    assert root.file("/service/clamd/run").exists()
    _init(root, "--services", "runit")
    assert not root.file("/service").is_symlink()
    assert root.file("/service/clamd").is_symlink()
    assert not root.file(f"{_UNITS}/clamd.service").exists()
    assert not list(root.file(f"{_UNITS}/{_WANTED}").iterdir())


def test_runit_is_started_at_boot(root: Root) -> None:
    """Where systemd is installed a unit scans the folder, unless Debian's own unit scans the same."""
    root.write("/lib/systemd/systemd", "", mode=0o755)
    _init(root, "--services", "runit", "/service")
    assert f"ExecStart=/usr/bin/runsvdir -P {root.path}/service" in root.lines(f"{_UNITS}/esmith-runit.service")
    assert _enabled(root) == {"esmith-runit.service", *_AT_BOOT} - {"esmith-daily.service"}
    root.write("/lib/systemd/system/runit.service", "")
    _init(root, "--services", "runit", "/service")
    assert _names(root) == _AT_BOOT
    _init(root, "--services", "runit", "/mine")
    assert _names(root) == {"esmith-runit.service", *_AT_BOOT}
    _init(root, "--services", "daemontools", "/mine")
    assert f"ExecStart=/usr/bin/svscan {root.path}/mine" in root.lines(f"{_UNITS}/esmith-daemontools.service")


@pytest.mark.program("systemd-analyze")
@pytest.mark.parametrize("words", [("systemd",), ("runit", "/service"), ("daemontools", "/service")])
def test_systemd_reads_the_units(tmp_path: Path, words: tuple[str, ...]) -> None:
    """systemd-analyze verify finds nothing to say: no unknown key, no missing program, no circle of the order."""
    root = initialise(tmp_path / "root")
    root.write("/lib/systemd/systemd", "", mode=0o755)
    for name in ("var/qmail/bin/qmail-start", "usr/sbin/postfix"):
        root.write(f"/{name}", "#!/bin/sh\n", mode=0o755)
    _init(root, "--services", *words)
    units = [str(root.file(f"{_UNITS}/{name}")) for name in sorted(_names(root))]
    assert len(units) >= len(_AT_BOOT) + 1
    # It wants to see the programs that start the supervisors, which need not be installed.
    for name in ("esmith-runit.service", "esmith-daemontools.service"):
        if root.file(f"{_UNITS}/{name}").exists():
            text = root.read(f"{_UNITS}/{name}")
            root.write(f"{_UNITS}/{name}", re.sub("/usr/bin/(runsvdir|svscan)", "/bin/sh", text))
    environment = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_UNIT_PATH": f"{root.file(_UNITS)}:"}
    program = shutil.which("systemd-analyze") or ""
    done = subprocess.run(
        [program, "verify", "--man=no", *units], capture_output=True, text=True, timeout=120, env=environment
    )
    names = [os.path.basename(unit) for unit in units]
    ours = [line for line in (done.stdout + done.stderr).splitlines() if any(name in line for name in names)]
    assert ours == []


def test_recover_leaves_services_to_the_next_unit(root: Root) -> None:
    """At boot services wait for esmith recover, so it must not wait for them: pending actions stay pending."""
    root.write("/service/clamd/run", "#!/bin/sh\n", mode=0o755)
    root.config("setprop", "clamav", "MaxFileSize", "20M")
    root.signal("clamav-update")
    pending = root.esmith("services").out
    assert "pending since" in pending
    assert root.esmith("recover", "--no-services").out == "nothing was left undone\n"
    assert root.esmith("services").out == pending


def test_the_order_of_boot(root: Root) -> None:
    """What was interrupted is restored before any service starts; the queue and the scanners come before qpsmtpd."""
    root.write("/usr/sbin/postfix", "#!/bin/sh\n", mode=0o755)
    _init(root, "--services", "systemd")
    names = [unit.name for unit in boot_units(root.path)]
    assert set(names) == {name for name in _enabled(root) if name.endswith(".service")}
    assert names[0] == "esmith-recover.service"
    assert names[-1] == "esmith-bootstrap.service"
    for earlier in ("clamd.service", "spamd.service"):
        assert names.index(earlier) < names.index("qpsmtpd.service")


def test_a_circle_is_found() -> None:
    """The order of units that wait for one another is an error and no endless loop."""
    units = [Unit("a.service", {"After": ["b.service"]}), Unit("b.service", {"After": ["a.service"]})]
    with pytest.raises(ValueError, match="a circle of a.service, b.service"):
        in_order(units)


def test_conditions_of_units(tmp_path: Path) -> None:
    """A unit is left out where a path is missing that it wants, or is there that it does not want."""
    there, missing = str(tmp_path), str(tmp_path / "missing")
    for path, unmet in ((there, ""), (missing, missing), (f"!{there}", f"!{there}"), (f"!{missing}", "")):
        assert Unit("a.service", {"ConditionPathExists": [path]}).unmet() == unmet
