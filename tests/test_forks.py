"""A command that is run by a child of the server behaves as one that is started, and none sees another's traces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import forks
from tests.programs import path_of

FIRST = f"#!{sys.executable} -ISXutf8\n"
#: Prints what a process sees of itself.
LOOK = """\
import json, os, signal, sys, threading
here = {
    "argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path, "stdin": sys.stdin.read(),
    "flags": str(sys.flags), "umask": os.umask(0), "main": [__name__, __file__, "click" in sys.modules],
    "streams": [[one.encoding, one.errors, one.line_buffering, one.isatty(), one.seekable(), one.fileno()]
                for one in (sys.stdin, sys.stdout, sys.stderr)],
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")),
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
    "threads": threading.active_count(), "id": [os.getuid(), os.getgid(), os.getpgrp(), os.getsid(0)],
}
here["main"].pop()
print(json.dumps(here))
"""


@pytest.fixture(autouse=True)
def _nothing_is_ignored() -> Iterator[None]:
    """Have the signals that end a process do that, whatever the run of the tests was started with."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=["started", "forked"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have commands started, and have them forked."""
    monkeypatch.setenv("ESMITH_REAL_COMMANDS", "1" if request.param == "started" else "0")
    return str(request.param)


def _script(folder: Path, text: str, first: str = FIRST) -> str:
    path = folder / "script"
    path.write_text(first + text)
    path.chmod(0o755)
    return str(path)


def _run(path: str, *words: str, stdin: str = "", timeout: float = 60, **env: str) -> tuple[int, str, str]:
    code, out, err = forks.run([path, *words], stdin=stdin.encode(), env={**os.environ, **env}, timeout=timeout)
    return code, out.decode(), err.decode()


def test_both_see_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments, environment, directory, umask, streams, descriptors, signals and flags are those of a start."""
    monkeypatch.chdir(tmp_path)
    script = _script(tmp_path, LOOK)
    umask = os.umask(0o027)
    found = []
    try:
        for real in ("1", "0"):
            monkeypatch.setenv("ESMITH_REAL_COMMANDS", real)
            code, out, err = _run(script, "a b", "\udce9", "", stdin="x" * 300_000, VARIABLE="ü\udcff")
            assert (code, err) == (0, "")
            found.append(json.loads(out))
    finally:
        os.umask(umask)
    started, forked = found
    assert started["umask"] == 0o027
    for seen in found:
        del seen["env"]["ESMITH_REAL_COMMANDS"]
    assert forked == started


@pytest.mark.root("a user who is not root has nothing to lose")
@pytest.mark.program("setpriv")
def test_without_the_power_of_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that permissions count for has the capabilities that setpriv(1) leaves it, and so has its child."""
    script = _script(
        tmp_path,
        "import subprocess, sys\n"
        "for words in (['grep', '^Cap', '/proc/self/status'], ['cat', sys.argv[1]]):\n"
        "    subprocess.run(words, stderr=subprocess.STDOUT)\n"
        "sys.exit(open('/proc/self/status').read().split('Cap', 1)[1].split('Seccomp')[0])\n",
    )
    closed = tmp_path / "closed"
    closed.write_text("secret")
    closed.chmod(0)
    found = []
    for real in ("1", "0"):
        monkeypatch.setenv("ESMITH_REAL_COMMANDS", real)
        words = [script, str(closed)]
        found.append(forks.run(words, stdin=b"", env=dict(os.environ), timeout=60, powerless=True))
    assert found[0] == found[1]
    assert b"Permission denied" in found[0][1]
    assert b"secret" not in found[0][1]


def test_on_descriptors_of_the_caller(tmp_path: Path, kind: str) -> None:
    """A command that gets a terminal has it as its standard streams; the caller gets its exit code."""
    script = _script(tmp_path, "import os, sys\nprint([os.isatty(number) for number in range(3)])\nsys.exit(5)\n")
    ours, theirs = os.openpty()
    ended = forks.call([script], streams=(theirs, theirs, theirs), env=dict(os.environ), timeout=60)
    os.close(theirs)
    assert ended() == 5, kind
    assert os.read(ours, 1000) == b"[True, True, True]\r\n"
    os.close(ours)


@pytest.mark.parametrize(
    ("text", "code", "out", "err"),
    [
        ("print('x')", 0, "x\n", ""),
        ("import sys; sys.exit(7)", 7, "", ""),
        ("import sys; sys.exit('why')", 1, "", "why\n"),
        ("import sys; sys.stdout.write('no end'); sys.exit()", 0, "no end", ""),
        ("1 / 0", 1, "", "ZeroDivisionError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "", "KeyboardInterrupt"),
        ("import os; os.abort()", -signal.SIGABRT, "", ""),
        ("import atexit; atexit.register(print, 'end'); print('x')", 0, "x\nend\n", ""),
        ("import threading; threading.Thread(target=print, args=('thread',)).start()", 0, "thread\n", ""),
        ("import sys; sys.stdout.write('x' * 300000); sys.stderr.write('y' * 300000)", 0, "x" * 300_000, "y" * 300_000),
        ("no Python at all", 1, "", "SyntaxError"),
    ],
)
@pytest.mark.usefixtures("kind")
def test_ends(tmp_path: Path, text: str, code: int, out: str, err: str) -> None:
    """A command ends with the exit code or the signal, and has written all, whichever way it is run."""
    answer = _run(_script(tmp_path, text + "\n"))
    assert answer[:2] == (code, out)
    assert err in answer[2] if err else answer[2] == ""


@pytest.mark.usefixtures("kind")
def test_nothing_is_left_for_the_next(tmp_path: Path) -> None:
    """What a command changes in its own memory, directory, umask and environment is gone with it."""
    spoil = "import os, sys, esmith; esmith.spoilt = 1; os.chdir('/'); os.umask(0); os.environ['SPOILT'] = '1'\n"
    add = f"import sys; sys.path.append({str(Path(forks.HERE).parent)!r})\n"
    assert _run(_script(tmp_path, add + spoil))[0] == 0
    look = "import os, esmith; print(hasattr(esmith, 'spoilt'), os.environ.get('SPOILT'), os.getcwd())\n"
    assert _run(_script(tmp_path, add + look)) == (0, f"False None {os.getcwd()}\n", "")


@pytest.mark.usefixtures("kind")
def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """At the timeout the process is killed, and the caller gets an error."""
    script = _script(tmp_path, "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(subprocess.TimeoutExpired):
            _run(script, timeout=3)
    pid = (tmp_path / "pid").read_text()
    assert not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.usefixtures("kind")
def test_many_at_once(tmp_path: Path) -> None:
    """Commands of several threads run at the same time, and each gets its own answer."""
    meet = "open(sys.argv[1], 'w')\nwhile len(os.listdir('.')) < 4: time.sleep(0.01)\nprint(sys.argv[1])\n"
    script = _script(tmp_path, f"import sys, time, os\n{meet}")
    (tmp_path / "meeting").mkdir()
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.chdir(tmp_path / "meeting")
        answers = list(pool.map(lambda name: _run(script, name), "abcd"))
    assert answers == [(0, f"{name}\n", "") for name in "abcd"]


@pytest.mark.usefixtures("kind")
def test_one_that_reads_nothing(tmp_path: Path) -> None:
    """Input that the command does not read harms nobody."""
    assert _run(_script(tmp_path, "print('x')\n"), stdin="y" * 300_000) == (0, "x\n", "")


@pytest.mark.parametrize(
    ("first", "env"),
    [
        ("#!/bin/sh\n", {}),
        (f"#!{sys.executable}\n", {}),
        (FIRST, {"LC_ALL": "POSIX"}),
        (FIRST, {"PYTHONWARNINGS": "error"}),
        (FIRST, {"LD_PRELOAD": ""}),
        (FIRST, {"LONG": "x" * 125_000}),
    ],
)
def test_what_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, env: dict[str, str]) -> None:
    """A script of another kind, another locale, and what only a start looks at, are started and not forked."""
    monkeypatch.setattr(forks, "_server", None)
    text = "exit 3\n" if first.endswith("sh\n") else "raise SystemExit(3)\n"
    words = [_script(tmp_path, text, first)]
    assert forks.run(words, stdin=b"", env={**os.environ, **env}, timeout=60)[0] == 3


def test_a_script_that_may_not_be_run(tmp_path: Path) -> None:
    """A script that is not executable, or is not there, is an error as for any program."""
    script = _script(tmp_path, "print('x')\n")
    os.chmod(script, 0o644)
    with pytest.raises(PermissionError):
        _run(script)
    os.unlink(script)
    with pytest.raises(FileNotFoundError):
        _run(script)


def test_the_server_ends_with_who_started_it(tmp_path: Path) -> None:
    """A process that has run commands leaves no server and no folder behind, also when it is killed."""
    script = _script(tmp_path, "import os; print(os.getppid())\n")
    text = (
        f"import sys; sys.path.insert(0, {str(forks.HERE.parent)!r})\n"
        "import os, time\nfrom tests import forks\n"
        f"print(forks.run([{script!r}], stdin=b'', env=dict(os.environ), timeout=60)[1].decode(), flush=True)\n"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    for more in ("", "os.kill(os.getpid(), 9)\n"):
        done = subprocess.run([sys.executable, "-c", text + more], capture_output=True, text=True, timeout=60, env=env)
        server = Path(f"/proc/{done.stdout.strip()}")
        assert server.name.isdigit()
        for _ in range(1000):
            if not server.exists() or b"fork_server" not in (server / "cmdline").read_bytes():
                break
            signal.sigtimedwait([], 0.02)
        else:
            pytest.fail("the server is still there")
    assert len(list(tmp_path.glob("esmith-tests-forks-*"))) == 1


@pytest.fixture(params=["started", "forked"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of commands for a shell: real ones, and clients of a server."""
    monkeypatch.setenv("ESMITH_REAL_COMMANDS", "1" if request.param == "started" else "0")
    folder = tmp_path / "bin"
    folder.mkdir()
    _script(
        folder,
        "import os, sys\nprint(sys.argv[1:], sys.stdin.read(), os.getcwd(), os.environ['X'])\n"
        "sys.stdout.flush()\nos.kill(os.getpid(), 9) if sys.argv[1] == 'die' else sys.exit(len(sys.argv))\n",
    )
    (folder / "script").rename(folder / "show")
    forks.install_clients(folder, tmp_path / "real", _ENV)
    assert ("fork" in (folder / "show").read_text()) == (request.param == "forked")
    return folder


_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "X": "y"}


@pytest.mark.parametrize(
    ("line", "out", "code"),
    [
        ("echo in | show 'a b' ''", "['a b', ''] in\n {} y\n", 3),
        ("cd /usr; X=ü show 1 </dev/null", "['1']  /usr ü\n", 2),
        ("(show die </dev/null) 2>/dev/null", "['die']  {} y\n", 137),
        ("LC_ALL=POSIX show 1 </dev/null", "['1']  {} y\n", 2),
        ('out=$(show 1 </dev/null); echo "<$out>"; show </dev/null 2>/dev/null', "<['1']  {} y>\n[]  {} y\n", 1),
    ],
)
def test_in_a_shell(shell: Path, tmp_path: Path, line: str, out: str, code: int) -> None:
    """A shell's command has its words, input, directory, environment and exit code, forked or started."""
    env = {**_ENV, "PATH": f"{shell}:{_ENV['PATH']}"}
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
    assert (done.stdout, done.returncode) == (out.replace("{}", str(tmp_path)), code), done.stderr


@pytest.mark.root("only root may become another user")
@pytest.mark.program("setpriv")
def test_another_user_in_a_shell(tmp_path: Path) -> None:
    """A command that a shell runs as another user or group is run as that one, and not as the server."""
    _script(tmp_path, "import os\nprint(os.getuid(), os.getgid())\n")
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "script").rename(folder / "who")
    forks.install_clients(folder, tmp_path / "real", _ENV)
    assert "fork" in (folder / "who").read_text()
    line = f"{folder}/who; {path_of('setpriv')} --regid 5001 --clear-groups {folder}/who"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=_ENV, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("0 0\n0 5001\n", "")
