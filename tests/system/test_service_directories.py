"""``esmith init --services``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.plan.host import RecordingHost
from esmith.services.directory import ServiceDirectory
from esmith.setup.supervision import install_service_directories
from tests.commands import Root, initialise
from tests.programs import is_installed
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, free_port
from tests.services.servers import eventually

SERVICES = [
    "clamd",
    "cvm-unix-local",
    "dovecot",
    "esmith-fleet",
    "esmith-watch",
    "fetchmail",
    "freshclam",
    *(["httpd-e-smith"] if is_installed("apache2") else []),
    "php-fpm",
    "qpsmtpd",
    "smanager",
    "smanager-helper",
    "smtp-auth-proxy",
    "spamd",
    "sqpsmtpd",
]


def _install(root: Root, *, supervisor: str = "runit", folder: str = "/service", code: int = 0) -> str:
    return root.esmith("init", "--services", supervisor, folder, code=code).err


def _below(folder: Path) -> dict[str, tuple[str, bytes, int]]:
    return {
        str(path.relative_to(folder)): (os.readlink(path), b"", 0)
        if path.is_symlink()
        else ("", path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize(("supervisor", "logger"), [("runit", "svlogd -t "), ("daemontools", "multilog t ")])
def test_arranged_as_on_sme_server(root: Root, supervisor: str, logger: str) -> None:
    """Each service has run and log/run in /var/service, and a link in the folder that is scanned."""
    _install(root, supervisor=supervisor, folder="/etc/service")
    assert sorted(path.name for path in root.file("/etc/service").iterdir()) == SERVICES
    for name in SERVICES:
        assert root.file(f"/etc/service/{name}").resolve() == root.file(f"/var/service/{name}")
        for script in ("run", "log/run"):
            path = root.file(f"/etc/service/{name}/{script}")
            assert path.stat().st_mode & 0o777 == 0o755
            subprocess.run(["sh", "-n", path], check=True, timeout=60)
        assert logger in root.read(f"/var/service/{name}/log/run")


def test_status_decides_what_is_started(root: Root) -> None:
    """A service whose status is not enabled has a file "down"; so has fetchmail, which cron runs."""
    root.config("setprop", "freshclam", "status", "disabled")
    _install(root)
    down = {path.parent.name for path in root.file("/var/service").glob("*/down")}
    assert down == {"esmith-fleet", "freshclam", "fetchmail", "smtp-auth-proxy"}
    root.config("setprop", "freshclam", "status", "enabled")
    root.config("setprop", "clamd", "status", "disabled")
    _install(root)
    down = {path.parent.name for path in root.file("/var/service").glob("*/down")}
    assert down == {"clamd", "esmith-fleet", "fetchmail", "smtp-auth-proxy"}


def test_second_run_changes_nothing(root: Root) -> None:
    """What is as it should be is not touched, and there is no backup copy."""
    _install(root)
    before = _below(root.file("/var/service")), _below(root.file("/service"))
    assert _install(root) == ""
    assert (_below(root.file("/var/service")), _below(root.file("/service"))) == before


def test_a_package_and_the_administrator_define_services(root: Root) -> None:
    """A directory makes a service; what is in services-custom takes the place of what is shipped, file by file."""
    root.write("/etc/e-smith/services/mine/run", "exec mine\n")
    root.write("/etc/e-smith/services/mine/log", "exec my-logger\n")
    root.write(
        "/etc/e-smith/services/mine/service.toml",
        """\
start = "always"
program = { name = "/opt/a program", package = "mine" }
files = { "/etc/mine.conf" = "mine-update" }
account = { name = "mine", others = ["_mine"] }
directories = { "/var/lib/mine" = { mode = "0700" }, "/run/mine" = { owner = "root", group = "mine" } }
""",
    )
    root.write("/etc/e-smith/services-custom/clamd/run", "exec my-clamd\n")
    root.write("/etc/e-smith/services-custom/spamd/run", "")
    root.write("/etc/e-smith/services-custom/freshclam/service.toml", 'start = "never"\n')
    _install(root)
    assert root.lines("/service/mine/run")[-6:] == [
        """needs "$root"'/opt/a program' mine""",
        'needs_file "$root"/etc/mine.conf mine-update',
        "user=$(own_account mine _mine) || unable 'there is no user mine or _mine'",
        'needs_directory "$root"/var/lib/mine "$user" 0700',
        'needs_directory "$root"/run/mine root:mine 0755',
        "exec mine",
    ]
    assert root.lines("/service/mine/log/run")[-1] == "exec my-logger"
    assert not root.file("/service/mine/down").exists()
    assert root.lines("/service/clamd/run")[-1] == "exec my-clamd"
    assert not root.file("/service/spamd").exists()
    assert root.file("/service/freshclam/down").exists()


@pytest.mark.parametrize(("name", "is_written"), [("sh", True), ("no-such-program", False), ("/opt/mine", False)])
def test_a_required_program_is_looked_up(root: Root, name: str, is_written: bool) -> None:
    """A required program named without a path is searched for in the usual directories, others below the root."""
    root.write("/etc/e-smith/services/mine/run", "exec mine\n")
    toml = f'program = {{ name = "{name}", package = "mine", required = true }}\n'
    root.write("/etc/e-smith/services/mine/service.toml", toml)
    _install(root)
    assert root.file("/var/service/mine/run").exists() == is_written
    if name.startswith("/"):
        root.write(name, "", mode=0o755)
        _install(root)
        assert root.file("/var/service/mine/run").exists()


def test_services_bring_their_accounts_to_a_trial_root(tmp_path: Path) -> None:
    """A root that has no accounts gets those of the product and of its services; one that has some keeps them."""
    place = tmp_path / "root/etc/e-smith/services/mine/service.toml"
    place.parent.mkdir(parents=True)
    place.write_text('account = { number = 900, group = "ours", group-number = 901, home = "/var/lib/mine" }\n')
    root = initialise(tmp_path / "root")
    users, groups = root.lines("/etc/passwd"), root.lines("/etc/group")
    assert "mine:x:900:901::/var/lib/mine:/bin/false" in users
    assert "alias:x:7790:2107::/var/qmail/alias:/bin/false" in users
    assert [line.partition(":")[0] for line in users[:2]] == ["root", "admin"]
    assert {"ours:x:901:", "nofiles:x:2107:", "shared:x:500:", "root:x:0:"} <= set(groups)
    place.write_text("account = { number = 902 }\n")
    root.esmith("init")
    assert root.lines("/etc/passwd") == users


def test_edited_scripts_are_kept(root: Root) -> None:
    """A script that was edited, and one that was there before, are kept as backup copies; a message says where."""
    root.write("/var/service/clamd/run", "#!/bin/sh\nexec mine\n")
    printed = _install(root)
    (kept,) = root.file("/var/lib/e-smith/kept/var/service/clamd").iterdir()
    assert kept.read_text() == "#!/bin/sh\nexec mine\n"
    assert f"a backup copy is /{kept.relative_to(root.path)}" in printed
    shipped = root.read("/var/service/spamd/run")
    root.write("/var/service/spamd/run", shipped + "# mine\n")
    assert "/var/service/spamd/run was edited by hand" in _install(root)
    (kept,) = root.file("/var/lib/e-smith/kept/var/service/spamd").iterdir()
    assert (kept.read_text(), root.read("/var/service/spamd/run")) == (shipped + "# mine\n", shipped)
    # Another supervisor's logger is not an edit.
    assert _install(root, supervisor="daemontools") == ""


def test_a_disabled_service_is_kept_down_before_it_has_a_script(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /var/service itself is scanned, a kill, or a scan, between two files starts no service that is disabled."""
    layout = Layout(str(root.path))
    host = RecordingHost(layout)
    written: list[str] = []
    monkeypatch.setattr(host, "install", lambda staged: written.append(staged.target))
    install_service_directories(layout, host, "runit", "/var/service", {"clamd": "disabled"})
    place = root.file("/var/service/clamd")
    assert written.index(str(place / "down")) < written.index(str(place / "run"))


def test_another_service_directory_is_not_replaced(root: Root) -> None:
    """A directory that somebody else made in the scanned folder stays, and nothing at all is written."""
    root.write("/service/spamd/run", "#!/bin/sh\nexec other\n")
    printed = _install(root, code=5)
    assert "it is there already, and does not lead to /var/service/spamd" in printed
    assert root.read("/service/spamd/run") == "#!/bin/sh\nexec other\n"
    assert not root.file("/var/service").exists()


def test_scanned_folder_may_be_that_of_the_directories(root: Root) -> None:
    """Where /var/service itself is scanned there are no links."""
    _install(root, folder="/var/service")
    assert not any(path.is_symlink() for path in root.file("/var/service").iterdir())


def test_qmail_where_it_is_installed(root: Root) -> None:
    """A service directory for qmail is written only where there is a qmail."""
    _install(root)
    assert not root.file("/var/service/qmail").exists()
    root.write("/var/qmail/bin/qmail-start", "#!/bin/sh\n", mode=0o755)
    _install(root)
    assert root.file("/service/qmail/run").exists()


@pytest.mark.parametrize(
    "words", [("runit", "service"), ("s6", "/service"), ("systemd", "/service")], ids=["relative", "unknown", "folder"]
)
def test_wrong_use(root: Root, words: tuple[str, ...]) -> None:
    """A relative folder, a supervisor nobody knows and a folder for systemd are refused with nothing written."""
    assert root.esmith("init", "--services", *words, code=2).err
    assert not root.file("/var/service").exists()


def test_script_runs_what_is_below_its_root(tmp_path: Path) -> None:
    """A run script finds everything below the root it was written for, blanks in the path included."""
    root = initialise(tmp_path / "a root", "--services", "runit", "/service")
    root.write("/sbin/e-smith/esmith", '#!/bin/sh\necho "$ESMITH_ROOT: $*"\n', mode=0o755)
    done = subprocess.run(["./run"], cwd=root.file("/service/esmith-watch"), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == (f"{root.path}: watch\n", 0)


@pytest.mark.parametrize(
    ("owner_of_link", "given"), [("1000", ""), ("0", "elsewhere")], ids=["of the account", "of root"]
)
def test_a_directory_of_an_account_may_be_a_link_of_roots_only(
    root: Root, tmp_path: Path, owner_of_link: str, given: str
) -> None:
    """What an account links to from its own home is never given to it; what root links to is, and so is a directory."""
    _install(root)
    script = root.read("/var/service/spamd/run")
    functions = script[: script.index("# Prints the first of some accounts that exists, the account of the service")]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    stands_in = f"""
is_root() {{ true; }}
chown() {{ pwd -P; }}
chmod() {{ true; }}
stat() {{ echo {owner_of_link}; }}
unable() {{ echo "cannot: $*"; exit 1; }}
needs_directory new/one spamd 0700
cd new
needs_directory two spamd 0700
needs_directory "$OLDPWD/link/" spamd 0700
"""
    command = ["sh", "-c", functions + stands_in]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    refused = f"cannot: {tmp_path}/link/ cannot be given to spamd, or is a link that is not root's"
    last = f"{tmp_path}/{given}" if given else refused
    assert done.stdout.splitlines() == [f"{tmp_path}/new/one", f"{tmp_path}/new/two", last]


def test_missing_program_is_reported_and_waited_for(root: Root) -> None:
    """Where the program is missing the log says so, and the script does not end at once to be started again."""
    root.write("/var/qmail/bin/qmail-start", "#!/bin/sh\n", mode=0o755)
    _install(root)
    shutil.rmtree(root.file("/var/qmail/bin"))
    _waits_for(root, "qmail", "/var/qmail/bin/qmail-start (Debian package qmail)")


def test_missing_program_of_python_is_reported(root: Root) -> None:
    """For a program that needs a package of Python the log names the command that shows how to install it."""
    _install(root)
    root.file("/sbin/e-smith/smtp-auth-proxy").unlink()
    program = "/sbin/e-smith/smtp-auth-proxy (Python package aiosmtpd); how to install it: esmith status"
    _waits_for(root, "smtp-auth-proxy", program)


@pytest.mark.program("apache2")
@pytest.mark.parametrize(("age", "called"), [(-60, "control php-fpm usr2\n"), (60, ""), (None, "")])
def test_web_server_has_php_read_a_newer_file(root: Root, tmp_path: Path, age: int | None, called: str) -> None:
    """When the web server starts, php-fpm reads a php.ini that is newer than its start, as where PHP is within it."""
    _install(root)
    root.write("/etc/httpd/conf/httpd.conf", "")
    root.write("/etc/php.ini", "")
    if age is not None:
        started = root.file("/etc/php.ini").stat().st_mtime + age
        os.utime(root.write("/run/php/php8.2-fpm.pid", "1"), (started, started))
    log = tmp_path / "log"
    root.file("/sbin/e-smith/esmith").unlink()
    root.write("/sbin/e-smith/esmith", f"#!/bin/sh\necho \"$@\" >>'{log}'\n", mode=0o755)
    (tmp_path / "apache2").write_text(f"#!/bin/sh\necho starts >>'{log}'\n")
    (tmp_path / "apache2").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["./run"], cwd=root.file("/service/httpd-e-smith"), env=environment, check=True, timeout=60)
    assert log.read_text() == f"{called}starts\n"


def _waits_for(root: Root, service: str, program: str) -> None:
    """Run the script of a service, which must report that a program is missing, and wait."""
    process = subprocess.Popen(["./run"], cwd=root.file(f"/service/{service}"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        why = f"{service} cannot run, and tries again in a minute: there is no program {root.path}{program}\n"
        assert process.stdout.readline() == why
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.program("clamd", "qpsmtpd-forkserver", "runsvdir", "sv")
def test_daemons_run_from_a_folder(root: Root, tmp_path: Path) -> None:
    """Under a root that is a folder the daemons run where settings and fragments say so, as docs/daemons.md says."""
    folder = tmp_path / "daemons"
    folder.mkdir()
    # clamd becomes its own user when root starts it.
    for place in (tmp_path, *tmp_path.parents):
        if not place.stat().st_mode & 0o001 and any(
            part.startswith(("pytest-", "esmith-tests-")) for part in place.parts
        ):
            place.chmod(place.stat().st_mode | 0o011)
    folder.chmod(0o777)
    root.write("/var/clamav/test.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Test.EICAR\n")
    paths = ["DatabaseDirectory", str(root.file("/var/clamav")), "LocalSocket", f"{folder}/clamd.socket"]
    root.config("setprop", "clamav", *paths, "TemporaryDirectory", str(folder))
    root.config("setprop", "smtpd", "TCPPort", str(free_port()))
    config = "/var/service/qpsmtpd/config"
    root.custom(f"{config}/spool_dir/10spool", f"{folder}/spool\n")
    root.custom(
        f"{config}/plugin_dirs/10plugins", f"{root.file('/usr/share/e-smith/qpsmtpd/plugins')}\n{DEBIAN_PLUGINS}\n"
    )
    root.signal("email-update")
    _install(root)
    for name in SERVICES:
        if name not in ("clamd", "qpsmtpd"):
            root.file(f"/service/{name}").unlink()
    process = subprocess.Popen(["runsvdir", "-P", root.file("/service")], start_new_session=True)
    try:
        for name, text in (("clamd", "Listening daemon"), ("qpsmtpd", "Running as user")):
            log = root.file(f"/var/log/{name}/current")
            eventually(partial(_says, log, text), f"{name} says {text!r}")
    finally:
        process.send_signal(signal.SIGHUP)
        process.wait(60)
    for name in ("clamd", "qpsmtpd"):
        directory = ServiceDirectory(str(root.file(f"/service/{name}")))
        eventually(partial(_is_gone, directory), f"{name} is gone")


def _is_gone(directory: ServiceDirectory) -> bool:
    return not directory.is_supervised()


def _says(log: Path, text: str) -> bool:
    return log.exists() and text in log.read_text(errors="replace")
