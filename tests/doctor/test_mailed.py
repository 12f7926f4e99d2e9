"""Mail about what is new: each finding once, and again when it was gone."""

from __future__ import annotations

import email
import json
import subprocess
from email import policy

import pytest

from tests.commands import Root

SENDMAIL = "/usr/sbin/sendmail"
STATE = "/var/lib/e-smith/doctor"


@pytest.fixture
def mailing(root: Root) -> Root:
    """A root whose sendmail keeps each letter in a file of its own, with its arguments."""
    root.write(SENDMAIL, f'#!/bin/sh\necho "$@" >>{root.path}/words\ncat >>{root.path}/letters\n', mode=0o755)
    return root


def _run(root: Root, *words: str, code: int = 0) -> str:
    """Run the command, and return the letter that it sent, "" for none."""
    letters = root.path / "letters"
    letters.unlink(missing_ok=True)
    assert root.esmith("doctor", "--mail", *words, code=code).out == ""
    return letters.read_text() if letters.exists() else ""


def _body(letter: str) -> str:
    return str(email.message_from_string(letter, policy=policy.default).get_content())


def test_each_finding_once(mailing: Root) -> None:
    """A finding is mailed once, one that is new later alone, and one that was gone again."""
    mailing.db("accounts", "set", "lost", "user")
    letter = _run(mailing, "accounts", "leftovers")
    assert "failing: 1 user with no unix account: lost" in _body(letter)
    assert _run(mailing, "accounts", "leftovers") == ""
    mailing.write("/var/lib/e-smith/generations/77/1", "x")
    second = _body(_run(mailing, "accounts", "leftovers"))
    assert "kept files of 1 generation" in second
    assert "lost" not in second
    mailing.db("accounts", "delete", "lost")
    assert _run(mailing, "accounts", "leftovers") == ""
    mailing.db("accounts", "set", "lost", "user")
    assert "lost" in _body(_run(mailing, "accounts", "leftovers"))


def test_the_letter(mailing: Root) -> None:
    """It is to admin, names the server, what was found with its cure, and that no program is to answer it."""
    mailing.db("accounts", "set", "lost", "user")
    letter = email.message_from_string(_run(mailing, "accounts"), policy=policy.default)
    assert letter["To"] == letter["From"] == "admin@example.com"
    assert letter["Subject"] == "mail.example.com: 1 new finding of esmith doctor"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content()
    assert "      signal-event user-create lost\n" in text
    assert "config setprop doctor status disabled" in text
    assert (mailing.path / "words").read_text() == "-i admin\n"


def test_a_domain_with_other_letters(mailing: Root) -> None:
    """The address has the name that DNS has, and what others named is printable."""
    mailing.config("--force", "set", "DomainName", "müller.example")
    mailing.db("accounts", "set", "lost", "user")
    letter = email.message_from_string(_run(mailing, "accounts"), policy=policy.default)
    assert letter["To"] == "admin@xn--mller-kva.example"


def test_what_could_not_be_looked_at(mailing: Root) -> None:
    """What was mailed is not mailed again when a check could not look meanwhile, or was not among those chosen."""
    mailing.db("accounts", "set", "lost", "user")
    assert _run(mailing, "accounts")
    state = json.loads(mailing.read(STATE))
    assert state == {"accounts/users": ["failing 1 user with no unix account: lost"]}
    assert _run(mailing, "disk") == ""
    assert json.loads(mailing.read(STATE)) == state
    passwd = mailing.file("/etc/passwd")
    content = passwd.read_bytes()
    passwd.unlink()
    passwd.mkdir()
    _run(mailing, "accounts")
    passwd.rmdir()
    passwd.write_bytes(content)
    assert _run(mailing, "accounts") == ""


def test_a_letter_that_is_not_taken(mailing: Root) -> None:
    """When sendmail fails, or is missing, the command fails and the next run mails it."""
    mailing.db("accounts", "set", "lost", "user")
    mailing.write(SENDMAIL, "#!/bin/sh\necho queue is full\nexit 75\n", mode=0o755)
    answer = mailing.esmith("doctor", "--mail", "accounts", code=8)
    assert "the findings could not be mailed: queue is full" in answer.err
    mailing.file(SENDMAIL).unlink()
    assert "no program takes mail" in mailing.esmith("doctor", "--mail", "accounts", code=8).err
    mailing.write(SENDMAIL, f"#!/bin/sh\ncat >{mailing.path}/letters\n", mode=0o755)
    assert _run(mailing, "accounts")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"accounts/users": 7}', '{"accounts/users": [7]}'])
def test_a_damaged_state(mailing: Root, text: str) -> None:
    """A state that is not understood counts as none: all is mailed once more."""
    mailing.db("accounts", "set", "lost", "user")
    mailing.write(STATE, text, mode=0o600)
    assert _run(mailing, "accounts")
    assert _run(mailing, "accounts") == ""


def test_a_state_of_others(mailing: Root) -> None:
    """A state that others may write is not believed: the command is refused, as others are."""
    mailing.write(STATE, "{}", mode=0o666)
    assert "chmod" in mailing.esmith("doctor", "--mail", "disk", code=12).err


def test_a_sendmail_of_others(mailing: Root) -> None:
    """A sendmail that others may write is not run: root runs the command once a day."""
    mailing.db("accounts", "set", "lost", "user")
    mailing.file(SENDMAIL).chmod(0o777)
    assert "chmod" in mailing.esmith("doctor", "--mail", "accounts", code=12).err
    assert not (mailing.path / "words").exists()


def test_nothing_is_written_without_need(mailing: Root) -> None:
    """Where nothing is wrong no state is written."""
    assert _run(mailing, "disk") == ""
    assert not mailing.file(STATE).exists()


def _daily(root: Root) -> subprocess.CompletedProcess[str]:
    """Run the daily job as cron does."""
    environment = {"PATH": "/usr/bin:/bin", "ESMITH_ROOT": str(root.path)}
    command = [str(root.file("/etc/cron.daily/esmith-doctor"))]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)


def test_cron_runs_it(mailing: Root) -> None:
    """The daily job prints nothing and sends the letter, and nothing where the setting says so when it runs."""
    mailing.db("accounts", "set", "lost", "user")
    mailing.expand("/etc/cron.daily/esmith-doctor")
    mailing.config("setprop", "doctor", "status", "disabled")
    assert (_daily(mailing).stdout, (mailing.path / "letters").exists()) == ("", False)
    mailing.config("setprop", "doctor", "status", "enabled")
    done = _daily(mailing)
    assert (done.stdout, done.stderr) == ("", "")
    assert "no unix account: lost" in _body((mailing.path / "letters").read_text())
