"""What templates find on the disk: accounts, programs, directories, time zones."""

from __future__ import annotations

import pytest

from tests.commands import Root
from tests.unchecked import without_unchecked

FRESHCLAM = "/etc/freshclam.conf"
PHP = "/etc/php.ini"
ASSIGN = "/var/qmail/users/assign"


@pytest.mark.parametrize(
    ("directive", "command"),
    [("OnUpdateExecute", "freshclam-update-ok"), ("OnErrorExecute", "freshclam-update-failed")],
)
def test_freshclam_gets_only_commands_that_exist(office: Root, directive: str, command: str) -> None:
    """The line for a command of freshclam is a comment until the command is there."""
    line = f'{directive} "/sbin/e-smith/{command}"'
    assert f"#{line}" in office.lines(FRESHCLAM)
    office.write(f"/sbin/e-smith/{command}", "#!/bin/sh\n", mode=0o755)
    office.expand(FRESHCLAM)
    assert line in office.lines(FRESHCLAM)
    assert f"#{line}" not in office.lines(FRESHCLAM)


def _php(office: Root, key: str) -> str | None:
    """Return the value of a setting of php.ini, None when there is none."""
    found = [line[41:] for line in office.lines(PHP) if line[:39].rstrip() == key and line[39:40] == "="]
    assert len(found) < 2
    return found[0] if found else None


def test_php_finds_the_libraries_and_extensions_that_are_there(office: Root) -> None:
    """include_path and extension_dir name directories of the machine only where they exist."""
    assert _php(office, "extension_dir") is None
    assert _php(office, "include_path") == '".:/usr/share/pear-addons:/usr/share/pear"'
    for directory in ("/usr/lib/php/modules", "/usr/share/php"):
        office.file(directory).mkdir(parents=True)
    office.expand(PHP)
    assert _php(office, "extension_dir") == '"/usr/lib/php/modules"'
    assert _php(office, "include_path") == '".:/usr/share/pear-addons:/usr/share/pear:/usr/share/php"'
    office.file("/usr/lib64/php/modules").mkdir(parents=True)
    office.expand(PHP)
    assert _php(office, "extension_dir") == '"/usr/lib64/php/modules"'


def test_php_gets_time_zones_that_exist(office: Root) -> None:
    """Where the machine has a list of time zones, one that is not in it is left out with a warning."""
    office.write("/usr/share/zoneinfo/Europe/Paris", "")
    office.config("set", "TimeZone", "Europe/Paris")
    assert without_unchecked(office.expand(PHP).err) == ""
    assert _php(office, "date.timezone") == '"Europe/Paris"'
    office.config("set", "TimeZone", "No/Where")
    assert "TimeZone" in office.expand(PHP).err
    assert _php(office, "date.timezone") is None


def test_every_setting_of_php_has_its_equals_sign_in_one_column(office: Root) -> None:
    """In php.ini the equals sign of every setting is the fortieth character."""
    settings = [line for line in office.lines(PHP) if line.strip() and line[0] not in ";["]
    assert len(settings) > 80
    assert {line.index("=") for line in settings} == {39}
    assert office.read(PHP)[0] == ";"


def test_without_unix_accounts_only_users_with_numbers_get_mail(office: Root) -> None:
    """Without the unix accounts admin and alias users/assign has the users' own lines, and says what is missing."""
    office.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    for user, uid in (("john", "6001"), ("tom", "6002")):
        office.db("accounts", "setprop", user, "Uid", uid)
    warnings = office.expand(ASSIGN).err
    home = "/home/e-smith/files/users"
    assert office.lines(ASSIGN) == [
        f"=john:john:6001:6001:{home}/john:::",
        f"+john-:john:6001:6001:{home}/john:-::",
        f"=tom:tom:6002:6002:{home}/tom:::",
        f"+tom-:tom:6002:6002:{home}/tom:-::",
        f"=sales:john:6001:6001:{home}/john:::",
        f"+sales-:john:6001:6001:{home}/john:-::",
        ".",
    ]
    for name in ("'admin'", "'alias'", "user jack", "user maillog"):
        assert name in warnings


def test_a_unix_account_counts_more_than_the_record(office: Root) -> None:
    """The numbers and the home of a user's unix account are used, not those of its record."""
    office.db("accounts", "setprop", "john", "Uid", "6001", "Gid", "6002")
    office.write(
        "/etc/passwd", office.read("/etc/passwd").replace("5003:5003::/home/e-smith/files/users", "5003:100::/srv")
    )
    office.expand(ASSIGN)
    assert "=john:john:5003:100:/srv/john:::" in office.lines(ASSIGN)
