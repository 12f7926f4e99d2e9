"""php.ini, read by PHP itself: the command line program and the FPM."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.content.desk import Desk
from tests.daemons.generated import ask, install, this_user
from tests.programs import path_of

PHP_INI = "/etc/php.ini"
#: Errors of the start and of reading the file go to stderr; the file itself sends them to the system log.
ALOUD = ("-d", "display_startup_errors=1", "-d", "display_errors=stderr", "-d", "error_log=")
#: The command line program sets these itself, whatever the file says; so do the words above.
OVERRIDDEN = {"max_execution_time", "max_input_time", "implicit_flush", "output_buffering", "register_argc_argv"}
OVERRIDDEN |= {"display_startup_errors", "display_errors", "error_log"}
#: Settings of the web server's module and of extensions that need not be installed.
ELSEWHERE = ("engine", "cli_server.", "odbc.", "mysqli.", "pgsql.", "tidy.", "soap.", "ldap.", "bcmath.")
ACTIONS = {"On": "1", "Off": ""}


@pytest.fixture(scope="module")
def php() -> str:
    """Return PHP for the command line."""
    return path_of("php")


def _settings_of(text: str) -> dict[str, str]:
    """Return what the file says, each value as PHP's ini_get gives it."""
    found = dict(re.findall(r"(?m)^([a-z_.0-9]+) *= ?(.*)$", text, re.IGNORECASE))
    return {name: ACTIONS.get(value, value.strip('"')) for name, value in found.items()}


def _ask_php(php: str, config: Path, code: str) -> tuple[str, str]:
    done = ask(php, "-c", config, *ALOUD, "-r", code, env={"PHP_INI_SCAN_DIR": ""})
    assert done.returncode == 0
    return done.stdout, done.stderr


CASES = {
    "defaults": "",
    "limits": "config setprop php MemoryLimit 64M UploadMaxFilesize 25M PostMaxSize 30M MaxFileUpload 5",
    "choices": "config setprop php AllowUrlFopen On ExposePHP On SessionSavePath /srv/sessions",
    "zone": "config set TimeZone Europe/Paris",
    "signs-in-a-path": """config setprop php SessionSavePath "/srv/a;b'c d#e=f!(x)" """,
}


@pytest.mark.parametrize("commands", CASES.values(), ids=CASES)
@pytest.mark.program("php")
def test_php_reads_every_setting(desk: Desk, php: str, tmp_path: Path, commands: str) -> None:
    """PHP starts on the file without a word, and each setting has the value that stands there."""
    config = tmp_path / "php.ini"
    wanted = _settings_of(install(desk, commands, PHP_INI, config))
    code = "echo json_encode([php_ini_loaded_file(), ini_get_all(null, false), E_ALL & ~E_NOTICE]);"
    answer, errors = _ask_php(php, config, code)
    assert errors == ""
    file, read, reported = json.loads(answer)
    assert wanted["error_reporting"] == "E_ALL & ~E_NOTICE"
    wanted["error_reporting"] = str(reported)
    assert file == str(config)
    unknown = {name for name in wanted if name not in read and not name.startswith(ELSEWHERE)}
    assert unknown == set()
    same = {name: value for name, value in wanted.items() if name in read and name not in OVERRIDDEN}
    assert {name: "" if read[name] in (None, "0") and same[name] == "" else read[name] for name in same} == same
    assert len(same) > 40


@pytest.mark.program("php")
def test_php_takes_a_session_path_as_it_is(desk: Desk, php: str, tmp_path: Path) -> None:
    """A path with signs that PHP knows in quotes is kept as it is, or not used at all; the file stays whole."""
    config = tmp_path / "php.ini"
    for path in ("/srv/${HOME}/s", "/srv/${", r"/srv/a\\b"):
        with desk.trial() as trial:
            trial.do_words(["config", "setprop", "php", "SessionSavePath", path])
            config.write_text(trial.file(PHP_INI))
        answer, errors = _ask_php(
            php, config, "echo ini_get('session.save_path'), ' ', ini_get('session.gc_maxlifetime');"
        )
        assert errors == ""
        assert answer in (f"{path} 1440", "/tmp 1440")


@pytest.mark.parametrize("line", ['memory_limit = "64M', "memory_limit = (", "magic_quotes_gpc = On"])
@pytest.mark.program("php")
def test_php_notices_a_line_that_is_wrong(desk: Desk, php: str, tmp_path: Path, line: str) -> None:
    """The check itself works: PHP complains of wrong syntax and of a setting it refuses to start with."""
    config = tmp_path / "php.ini"
    config.write_text(install(desk, "", PHP_INI, config) + line + "\n")
    done = ask(php, "-c", config, *ALOUD, "-r", "", env={"PHP_INI_SCAN_DIR": ""})
    assert done.stderr != ""


@pytest.fixture
def fpm(tmp_path: Path) -> tuple[str, ...]:
    """Return the words that run the FPM with a pool of the test's own."""
    program = path_of("php-fpm")
    pool = tmp_path / "fpm.conf"
    pool.write_text(
        f"[global]\nerror_log = {tmp_path}/log\npid = {tmp_path}/pid\n"
        f"[www]\nlisten = {tmp_path}/s\npm = static\npm.max_children = 1\n"
        + (f"user = {this_user()}\n" if os.geteuid() == 0 else "")
    )
    allowed = ("-R",) if os.geteuid() == 0 else ()
    return (program, *allowed, "-y", str(pool))


@pytest.mark.program("php-fpm")
def test_fpm_reads_what_the_command_line_overrides(desk: Desk, fpm: tuple[str, ...], tmp_path: Path) -> None:
    """The FPM accepts the file, and has the limits of time that were set."""
    config = tmp_path / "php.ini"
    install(desk, "config setprop php MaxExecutionTime 45 MaxInputTime 50 MemoryLimit 64M", PHP_INI, config)
    quiet = {"PHP_INI_SCAN_DIR": ""}
    tested = ask(*fpm, "-t", "-c", config, env=quiet)
    assert tested.returncode == 0, tested.stderr
    assert "PHP:" not in tested.stderr + tested.stdout
    shown = ask(*fpm, "-i", "-c", config, env=quiet).stdout
    values = dict(re.findall(r"(?m)^(\w+) => (\S+) => \S+$", shown))
    wanted = {"max_execution_time": "45", "max_input_time": "50", "memory_limit": "64M", "error_log": "syslog"}
    assert {name: values.get(name) for name in wanted} == wanted


@pytest.mark.program("php-fpm")
def test_fpm_notices_a_line_that_is_wrong(desk: Desk, fpm: tuple[str, ...], tmp_path: Path) -> None:
    """The check itself works: the FPM complains of wrong syntax."""
    config = tmp_path / "php.ini"
    config.write_text(install(desk, "", PHP_INI, config) + "memory_limit = (\n")
    tested = ask(*fpm, "-t", "-c", config, env={"PHP_INI_SCAN_DIR": ""})
    assert "syntax error" in tested.stderr + tested.stdout
