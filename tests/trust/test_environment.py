"""What commands start gets nothing of the caller's environment that makes a program load code of others."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from esmith.environment import clean_environment
from esmith.errors import ExitCode
from tests.commands import Root
from tests.events.kit import eventually, make_event
from tests.programs import path_of

#: One or more of each kind: loader, C library, shells, Perl, Python, other languages, and our own.
_HARMFUL = """
    LD_LIBRARY_PATH LD_AUDIT GCONV_PATH LOCPATH NLSPATH GLIBC_TUNABLES MALLOC_TRACE HOSTALIASES RES_OPTIONS
    BASH_ENV ENV IFS CDPATH PS4 GLOBIGNORE SHELLOPTS BASHOPTS BASH_FUNC_id%% FPATH
    PERLLIB PERL5OPT PERL5DB PERL_UNICODE PERL_HASH_SEED
    PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT RUBYLIB RUBYOPT NODE_OPTIONS NODE_PATH JAVA_TOOL_OPTIONS
    PHPRC AWKPATH LUA_PATH_5_4 GIT_SSH_COMMAND OPENSSL_CONF ESMITH_PERL_SERVER
"""
HARMFUL = _HARMFUL.split()
#: Programs want these, and they name no code.
HARMLESS = {"LANG": "C.UTF-8", "TZ": "UTC", "SUDO_USER": "alice", "HOME": "/root", "TERM": "xterm", "EDITOR": "vi"}


def _environment(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_actions(root: Root) -> None:
    """An action gets the caller's environment without what is harmful; the search path of Perl is ours alone."""
    make_event(root.path, "try", actions={"S10show": "env > $ESMITH_ROOT/env; umask > $ESMITH_ROOT/umask"})
    given = dict.fromkeys(HARMFUL, "/evil") | HARMLESS | {"OWN": "() { evil; }", "PERL5LIB": "/evil"}
    root.run("signal-event", "try", env={**given, "PATH": f".::{os.environ['PATH']}:bin"})
    found = _environment(root.read("/env"))
    assert "/evil" not in found.values()
    assert set(HARMFUL) & found.keys() == set()
    assert "OWN" not in found
    assert {name: found.get(name) for name in HARMLESS} == HARMLESS
    assert found["PERL5LIB"].endswith("/esmith/perl/lib")
    assert all(place.startswith("/") for place in found["PATH"].split(":"))
    assert root.read("/umask") == "0022\n"


def test_a_python_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what a program that calls the engine from Python has in its environment is not passed on."""
    for name in HARMFUL:
        monkeypatch.setenv(name, "/evil")
    monkeypatch.setenv("PATH", ".:")
    found = clean_environment()
    assert set(HARMFUL) & found.keys() == set()
    assert found["PATH"] == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.program("bash", "perl")
def test_modules_of_others(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules in PYTHONPATH, PERL5LIB and in the working directory are run neither by commands nor by actions."""
    perl = path_of("perl")
    marker = tmp_path / "ran"
    evil = tmp_path / "evil"
    (evil / "esmith").mkdir(parents=True)
    python = f"open({str(marker)!r}, 'a').write(__name__)\n"
    for name in ("sitecustomize", "usercustomize", "esmith/__init__", "click", "os", "lmdb", "stat"):
        (evil / f"{name}.py").write_text(python)
    (evil / "esmith/ConfigDB.pm").write_text(f"open my $f, '>>', '{marker}'; print $f 'Perl'; close $f; die;\n")
    (evil / "bash_env").write_text(f"echo bash >> {marker}\n")
    perl_action = f"#!{perl}\nuse esmith::ConfigDB;\nprint esmith::ConfigDB->open->get('qpsmtpd')->prop('DNSBL');\n"
    shell_action = f"#!{path_of('bash')}\nconfig getprop qpsmtpd DNSBL\n"
    make_event(root.path, "try", actions={"S10perl": perl_action, "S20bash": shell_action})
    monkeypatch.chdir(evil)
    given = {"PYTHONPATH": str(evil), "PERL5LIB": str(evil), "BASH_ENV": str(evil / "bash_env"), "ENV": "bash_env"}
    for command in (
        ("config", "getprop", "qpsmtpd", "DNSBL"),
        ("config", "setprop", "qpsmtpd", "DNSBL", "enabled"),
        ("signal-event", "try"),
        ("signal-event", "email-update"),
        ("esmith", "check"),
        ("esmith", "status"),
        ("expand-template", "--explain", "/etc/clamd.conf"),
    ):
        root.run(*command, env=given, code=ExitCode.PENDING if "status" in command else 0)
        assert not marker.exists(), command
    assert "esmith[" in root.read("/var/log/e-smith/events.log")


def test_the_waiter(root: Root, tmp_path: Path) -> None:
    """The process that waits for a confirmation is started isolated as well."""
    marker = tmp_path / "ran"
    (tmp_path / "sitecustomize.py").write_text(f"open({str(marker)!r}, 'a').write('x')\n")
    root.run("signal-event", "--confirm", "1h", "email-update", env={"PYTHONPATH": str(tmp_path)})

    def waits() -> bool:
        try:
            with root.file("/var/lib/e-smith/confirm.lock").open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    eventually(waits, "the waiter holds its lock")
    root.esmith("confirm")
    eventually(lambda: not waits(), "the waiter ended")
    assert not marker.exists()
