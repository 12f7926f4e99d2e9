"""Starting the processes: what is refused, who they become, and that they end together."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import ServiceError, UsageError
from esmith.layout import Layout
from esmith.manager import serving
from esmith.manager.serving import Web, become, missing_packages, web_user
from esmith.processes import all_children
from tests.commands import Root
from tests.manager.helper.kit import PASSWORD

_LIMIT_SECONDS = 60.0


@pytest.mark.parametrize(
    ("web", "message"),
    [
        (Web("0.0.0.0"), "only, and not on 0.0.0.0"),
        (Web("192.168.1.1"), "only, and not on 192.168.1.1"),
        (Web("::"), "only, and not on ::"),
        (Web("localhost.example.com"), "only, and not on"),
        (Web(key="key.pem"), "a key without a certificate"),
    ],
)
def test_what_would_send_passwords_in_plain_text(web: Web, message: str) -> None:
    """Without a certificate it answers only where nobody else can listen; the message names the options."""
    with pytest.raises(UsageError, match=message) as error:
        web.require()
    assert "--certificate FILE" in error.value.hint


def test_where_it_answers() -> None:
    """It listens where it is to, and the address of its first page has the port that it got."""
    for web in (Web(), Web("127.0.0.1", 0, "cert.pem")):
        web.require()
        with web.listen() as listener:
            port = listener.getsockname()[1]
            scheme = "https" if web.certificate else "http"
            assert web.url(listener) == f"{scheme}://127.0.0.1:{port}/server-manager/"
            with pytest.raises(ServiceError, match=f"port {port} of 127.0.0.1 cannot be listened on"):
                Web("127.0.0.1", port).listen()
    with pytest.raises(ServiceError, match="cannot be listened on"):
        Web("192.0.2.1", 0, "cert.pem").listen()


def test_who_asks_in_a_root_folder(layout: Layout) -> None:
    """In a root folder the helper answers whoever runs it, whatever the name; nobody's rights are given up."""
    before = os.getresuid()
    assert web_user(layout, "no-such-user") == os.geteuid()
    become(layout, "no-such-user")
    assert os.getresuid() == before


def test_who_asks_on_the_machine(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the machine it is the account of the web process, which has to be there and may not be root."""
    monkeypatch.setattr(Layout, "is_machine", property(lambda _: True))
    assert web_user(layout, "nobody") > 0
    with pytest.raises(UsageError, match="there is no user no-such-user"):
        web_user(layout, "no-such-user")
    with pytest.raises(UsageError, match="is root"):
        web_user(layout, "root")


@pytest.mark.root("only root becomes another user")
def test_rights_are_given_up(tmp_path: Path) -> None:
    """The web process of root becomes its user for good, without groups, and cannot open the databases."""
    database = tmp_path / "db"
    database.mkdir(mode=0o700)
    script = (
        "import os, sys\n"
        "from esmith.layout import Layout\n"
        "from esmith.manager.serving import become\n"
        "become(Layout('/'), 'nobody')\n"
        "assert 0 not in os.getresuid() + os.getresgid(), os.getresuid()\n"
        "assert os.getgroups() == [], os.getgroups()\n"
        "status = open('/proc/self/status').read()\n"
        "assert 'CapEff:\\t0000000000000000' in status and 'CapPrm:\\t0000000000000000' in status\n"
        "for call in (lambda: os.setuid(0), lambda: os.listdir(sys.argv[1])):\n"
        "    try:\n"
        "        call()\n"
        "    except PermissionError:\n"
        "        continue\n"
        "    sys.exit('it still may')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(database)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


_AT_A_TERMINAL = """
import fcntl, os, signal, termios
from esmith.layout import Layout
from esmith.manager.serving import become
assert os.open("/dev/tty", os.O_RDWR) > 2
signal.alarm(20)
become(Layout("/"), "nobody")
tries = {
    "has it": lambda: os.open("/dev/tty", os.O_RDWR),
    "opens it": lambda: os.open("/proc/self/fd/1", os.O_RDWR),
    "reads it": lambda: os.read(2, 1),
    "types on it": lambda: fcntl.ioctl(1, termios.TIOCSTI, b"x"),
}
for name, call in tries.items():
    try:
        call()
    except OSError:
        continue
    print("it", name, "still")
print("it is", os.read(0, 1), "and it writes")
"""


@pytest.mark.root("only root becomes another user")
@pytest.mark.parametrize("leads_group", [False, True])
def test_the_terminal_of_root(leads_group: bool) -> None:
    """A web process that root starts at a terminal cannot type on it, nor read what root types, but its words come."""
    process, terminal = pty.fork()
    if process == 0:
        words = [sys.executable, "-c", _AT_A_TERMINAL]
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os._exit(subprocess.run(words, check=False, process_group=0 if leads_group else None).returncode)
    printed = b""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 4096):
            printed += data
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, printed
    assert printed.decode().split("\r\n") == ["it is b'' and it writes", ""]


def test_packages_that_are_missing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named as pip knows it: of the helper argon2 in a root folder, and PAM on the machine."""
    assert missing_packages(layout) == []
    find = importlib.util.find_spec
    gone = {"uvicorn", "argon2", "pamela"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in gone else find(name))
    assert missing_packages(layout) == ["uvicorn", "argon2-cffi"]
    monkeypatch.setattr(Layout, "is_machine", property(lambda _: True))
    assert missing_packages(layout) == ["uvicorn", "pamela"]


def test_the_command_without_the_packages(root: Root) -> None:
    """Without the packages the message has the command of pip, and every other command goes on as before."""
    code = "import sys; sys.modules.update({name: None for name in ('uvicorn', 'argon2')})\n"
    code += "import importlib.util as util\nfind = util.find_spec\n"
    code += "util.find_spec = lambda name, *more: None if name in ('uvicorn', 'argon2') else find(name, *more)\n"
    code += "from esmith.cli.esmith import main\nmain()\n"
    words = [sys.executable, "-c", code, "--root", str(root.path)]
    for verb in ("serve", "helper", "web", "password"):
        done = subprocess.run([*words, "manager", verb], capture_output=True, text=True, check=False, input="x" * 9)
        assert done.returncode == 5, done.stderr
        assert "Python packages that are not installed: uvicorn, argon2-cffi" in done.stderr
        assert "install uvicorn" in done.stderr
    done = subprocess.run([*words, "status"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_no_other_command_imports_it() -> None:
    """No command but esmith manager imports anything of the server-manager, or of what it needs."""
    code = "import sys\nfrom esmith.cli.esmith import subcommands\n"
    code += "from esmith.cli import db, expand_template, signal_event\n"
    code += "from importlib import import_module\nfrom esmith.cli.esmith import _MODULES\n"
    code += "[import_module(f'esmith.cli.{name}') for name in set(_MODULES.values()) - {'manager'}]\n"
    code += "names = ('starlette', 'uvicorn', 'asyncio', 'argon2', 'pamela')\n"
    code += "print([name for name in sys.modules if name.startswith(('esmith.manager', *names))])\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
    code = "import sys\nfrom esmith.cli.manager import manager_command\n"
    code += "print([name for name in ('starlette', 'uvicorn', 'argon2', 'asyncio') if name in sys.modules])\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "starlette" not in done.stdout and "argon2" not in done.stdout, done.stdout + done.stderr


def test_the_password_command(root: Root) -> None:
    """The password comes from standard input, its first line; a short one is refused, and none is on a command line."""
    root.run("esmith", "manager", "password", stdin="short\n", code=2)
    assert not root.file("/var/lib/e-smith/manager/password").exists()
    root.run("esmith", "manager", "password", stdin=f"{PASSWORD}\nmore\n")
    assert root.read("/var/lib/e-smith/manager/password").startswith("$argon2id$v=19$m=32768,t=3,p=1$")
    root.run("esmith", "manager", "password", PASSWORD, code=2)
    answer = root.run("esmith-manager", "serve", "--address", "0.0.0.0", code=2)
    assert "name a certificate" in answer.err


@contextlib.contextmanager
def _served(root: Root) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run ``esmith manager serve``, and yield its process and its port; it is ended."""
    words = [str(root.file("/sbin/e-smith/esmith")), "--root", str(root.path), "manager", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("the server-manager answers at http://127.0.0.1:"), line
            yield process, int(line.rpartition(":")[2].partition("/")[0])
        finally:
            process.terminate()
            process.communicate(timeout=_LIMIT_SECONDS)


def _get(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_SECONDS)
    connection.request("GET", "/server-manager/login")
    status = connection.getresponse().status
    connection.close()
    return status


def _wait(what: Any) -> Any:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def _idle_switches(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)


def test_both_processes(root: Root) -> None:
    """Both answer from the first line on, leave no core, and end at TERM, with the exit code 0."""
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (limit[1], limit[1]))
    with _served(root) as (process, port):
        resource.setrlimit(resource.RLIMIT_CORE, limit)
        assert _get(port) == 200
        children = all_children()[process.pid]
        assert len(children) == 2
        for child in children:
            assert resource.prlimit(child, resource.RLIMIT_CORE)[0] == 0
        process.terminate()
        _, errors = process.communicate(timeout=_LIMIT_SECONDS)
        assert (process.returncode, errors) == (0, "")
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


@pytest.mark.long
def test_a_process_that_ends(root: Root) -> None:
    """One that is killed is started again; when the first one is killed both end; idle ones use no CPU."""
    with _served(root) as (process, port):
        time.sleep(serving._TOO_SOON + 0.5)
        for _ in range(2):
            before = all_children()[process.pid]
            os.kill(before[0], signal.SIGKILL)
            _wait(lambda before=before: [one for one in all_children()[process.pid] if one not in before])
            _wait(lambda: len(all_children()[process.pid]) == 2)
            assert _get(port) == 200
            time.sleep(serving._TOO_SOON + 0.5)
        both = all_children()[process.pid]
        switches = {one: _idle_switches(one) for one in (process.pid, *both)}
        time.sleep(3)
        assert {one: _idle_switches(one) - before for one, before in switches.items()} == dict.fromkeys(switches, 0)
        process.kill()
        _wait(lambda: not any(Path(f"/proc/{child}").exists() for child in both))
