"""What actions make of generated files follows them: after a failure, a kill, a rollback, and expand-template."""

from __future__ import annotations

import json

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.events.kit import eventually

ASSIGN, CDB = "/var/qmail/users/assign", "/var/qmail/users/cdb"
LAST = "/etc/e-smith/events/email-update/S50last"
#: Does what qmail-newu(8) does: refuses a list without a dot at its end, and replaces users/cdb by what it makes of it.
_NEWU = """\
#!/bin/sh
set -e
cd "${0%/bin/qmail-newu}/users"
[ ! -e broken ] || { echo "qmail-newu: fatal: unable to write users/cdb.tmp"; exit 111; }
if [ -e kill ]; then rm kill; kill -9 $PPID; fi
[ "$(tail -n 1 assign)" = . ] || { echo "qmail-newu: fatal: bad format in users/assign"; exit 111; }
{ echo "cdb of"; cat assign; } >cdb.tmp
mv cdb.tmp cdb
"""


@pytest.fixture
def mail(office: Root) -> Root:
    """Return the office with a stand-in for qmail-newu, expanded, and with one more user in the databases."""
    office.write("/var/qmail/bin/qmail-newu", _NEWU, mode=0o755)
    office.signal("email-update")
    assert _follows(office)
    office.db(
        "accounts",
        "set",
        "dora",
        "user",
        "FirstName",
        "Dora",
        "LastName",
        "Dent",
        "PasswordSet",
        "yes",
        "Uid",
        "5999",
        "Gid",
        "5999",
    )
    assert "dora" not in office.read(ASSIGN)
    return office


def _follows(root: Root) -> bool:
    """Return whether what mail is delivered by is made of the list that is in place."""
    return root.read(CDB) == "cdb of\n" + root.read(ASSIGN)


def _after_it(root: Root, script: str) -> None:
    root.write(LAST, f"#!/bin/sh\n{script}\n", mode=0o755, shipped=True)


def test_an_event_that_succeeds(mail: Root) -> None:
    """After an event users/cdb is made of the new list, and nothing is stale."""
    mail.signal("email-update")
    assert "dora" in mail.read(CDB)
    assert _follows(mail)
    assert "stale" not in mail.esmith("status", "-v", code=None).out


def test_an_action_after_it_fails(mail: Root) -> None:
    """When an action fails after qmail-newu ran, users/cdb is made again of the restored list."""
    _after_it(mail, f'grep -q dora "$ESMITH_ROOT{CDB}" && exit 3')
    answer = mail.signal("email-update", code=ExitCode.ACTION)
    assert "S50last: failed with exit status 3" in answer.err
    assert "dora" not in mail.read(ASSIGN)
    assert _follows(mail)
    assert "stale" not in mail.esmith("status", "-v", code=None).out


def test_an_event_that_is_killed(mail: Root) -> None:
    """When an event is killed after qmail-newu ran, recovering makes users/cdb again of the restored list."""
    _after_it(mail, "kill -9 $PPID")
    mail.signal("email-update", code=None)
    assert "dora" in mail.read(CDB)
    mail.esmith("recover")
    assert "dora" not in mail.read(ASSIGN)
    assert _follows(mail)


def test_recovering_that_is_killed(mail: Root) -> None:
    """When recovering is killed before users/cdb is made again, the next command makes it."""
    _after_it(mail, 'touch "$ESMITH_ROOT/var/qmail/users/kill"; kill -9 $PPID')
    mail.signal("email-update", code=None)
    mail.file("/var/qmail/users/kill").touch()
    # The stand-in was executed by the action, so its parent is the command itself.
    mail.esmith("recover", code=None)
    assert "dora" not in mail.read(ASSIGN)
    assert not mail.file("/var/qmail/users/kill").exists()
    mail.expand("/etc/clamd.conf")
    assert _follows(mail)
    assert "stale" not in mail.esmith("status", "-v", code=None).out


def test_a_rollback(mail: Root) -> None:
    """After a rollback users/cdb is made of the list that was restored."""
    mail.signal("email-update")
    assert "dora" in mail.read(CDB)
    mail.esmith("rollback")
    assert "dora" not in mail.read(ASSIGN)
    assert _follows(mail)


def test_a_change_that_is_not_confirmed(mail: Root) -> None:
    """When a change is not confirmed in time, users/cdb is made of the list that was restored."""
    mail.signal("--confirm", "1s", "email-update")
    eventually(lambda: "dora" not in mail.read(ASSIGN), "the change is rolled back")
    eventually(lambda: "interrupted" not in mail.esmith("recover").err and _follows(mail), "users/cdb is made again")


def test_expand_template(mail: Root) -> None:
    """After expand-template of the list users/cdb is made of it."""
    mail.expand(ASSIGN)
    assert "dora" in mail.read(CDB)
    assert _follows(mail)


def test_expand_template_when_it_fails(mail: Root) -> None:
    """When users/cdb cannot be made, expand-template restores the list, and exits with 7."""
    mail.file("/var/qmail/users/broken").touch()
    before = mail.read(ASSIGN), mail.read(CDB)
    answer = mail.run("expand-template", ASSIGN, code=ExitCode.ACTION)
    assert "unable to write users/cdb.tmp" in answer.err
    assert (mail.read(ASSIGN), mail.read(CDB)) == before


def test_an_event_that_does_not_run_the_action(mail: Root) -> None:
    """An event of somebody else that expands the list, and knows nothing of users/cdb, has it made before S90."""
    mail.write("/etc/e-smith/events/own/templates2expand", f"{ASSIGN}\n")
    mail.write(
        "/etc/e-smith/events/own/S95look", f'#!/bin/sh\ngrep -q dora "$ESMITH_ROOT{CDB}"\n', mode=0o755, shipped=True
    )
    mail.signal("own")
    assert _follows(mail)


def test_the_first_event_fails(root: Root) -> None:
    """When the list goes, because there was none before, users/cdb goes as well."""
    root.write("/var/qmail/bin/qmail-newu", _NEWU, mode=0o755)
    _after_it(root, f'test -e "$ESMITH_ROOT{CDB}" && exit 3')
    answer = root.signal("email-update", code=ExitCode.ACTION)
    assert "exit status 3" in answer.err
    assert not root.file(ASSIGN).exists()
    assert not root.file(CDB).exists()


def test_it_cannot_be_made_again(mail: Root) -> None:
    """What fails while old files are restored is reported, is stale in the status, and is made by recovering later."""
    _after_it(mail, 'touch "$ESMITH_ROOT/var/qmail/users/broken"; exit 3')
    answer = mail.signal("email-update", code=ExitCode.ACTION)
    assert "the old content of" in answer.err
    assert f"{CDB}: could not be made again; remove the cause and run: esmith recover" in answer.err
    assert "unable to write users/cdb.tmp" in answer.err
    assert answer.err.rstrip().splitlines()[-2].endswith("S50last: failed with exit status 3")
    line = f"stale since signal-event email-update: {CDB}, because qmail-newu failed with exit status 111"
    assert line in mail.esmith("status", "-v", code=None).out
    stale = json.loads(mail.esmith("status", "--json", code=None).out)["stale"]
    assert stale["qmail-newu"]["makes"] == [CDB]
    # Another event tries it, and is not stopped by it.
    assert f"{CDB}: could not be made again" in mail.signal("clamav-update").err
    assert not _follows(mail)
    answer = mail.esmith("recover", code=ExitCode.ACTION)
    assert f"{CDB} could not be made again: qmail-newu failed with exit status 111" in answer.err
    mail.file("/var/qmail/users/broken").unlink()
    mail.esmith("recover")
    assert _follows(mail)
    assert "stale" not in mail.esmith("status", "-v", code=None).out
    assert mail.esmith("recover").out == "nothing was left undone\n"


def test_an_event_that_was_signalled_by_an_action(mail: Root) -> None:
    """When an event fails, what an event within it had made is made again as well."""
    mail.write(
        "/etc/e-smith/events/outer/S50inner",
        "#!/bin/sh\nsignal-event email-update && exit 1\n",
        mode=0o755,
        shipped=True,
    )
    mail.write("/etc/e-smith/templates-custom/etc/outer/10", "{{ accounts.dora.type }}\n")
    mail.write("/etc/e-smith/events/outer/templates2expand", "/etc/clamd.conf\n")
    mail.config("setprop", "clamav", "MaxFileSize", "20M")
    mail.signal("outer", code=ExitCode.ACTION)
    assert "dora" not in mail.read(ASSIGN)
    assert _follows(mail)


def test_what_is_made_of_settings_follows_a_rollback(office: Root) -> None:
    """The links of keys whose names are no domain are those of the settings that a rollback restores."""
    keys = office.file("/home/e-smith/dkim_keys/other.example")
    keys.mkdir(parents=True)
    (keys / "private").write_text("key")
    (keys / "selector").write_text("default")
    default = office.file("/home/e-smith/dkim_keys/default")
    default.mkdir(parents=True, exist_ok=True)
    for name in ("private", "public", "selector"):
        (default / name).write_text("default")
    link = office.file("/var/service/qpsmtpd/config/dkim/other.example")
    office.signal("email-update")
    assert not link.is_symlink()
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled", "LogLevel", "7")
    office.signal("email-update")
    assert link.is_symlink()
    office.esmith("rollback")
    assert office.config("getprop", "qpsmtpd", "DKIMSigning").out != "enabled\n"
    assert not link.is_symlink()
