"""Behind Postfix who is accepted gets the mail, too: its tables and the .qmail files, in random offices."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from tests.commands import Root
from tests.content.desk import Desk, Trial, _copy_file
from tests.programs import path_of
from tests.receivers.agreement import DAEMONS, Agreement, disagreements
from tests.receivers.files import HOMES, TEMPLATES, Files, planned
from tests.receivers.office import UNIX, Office
from tests.receivers.postfix import FOLDER, Postfix, Tables, external
from tests.receivers.qmail import End
from tests.receivers.random_offices import OFFICES, Command
from tests.receivers.test_mutations import OFFICE

#: Users of the random offices who have a unix account; those who have none get no mail behind Postfix.
MORE: tuple[str, ...] = (
    "mary",
    "mary-ann",
    "mary-ann-x",
    "sales-int",
    "sales.team",
    "jack-foo",
    "news",
    "x-",
    "default",
    "q*",
)
#: The same with names that local(8) does not know, and with those that only an administrator gives.
MORE += ("Mary", "MARY", "x+y", "News", "a&b")
QUEUE: Command = ["config", "setprop", "qpsmtpd", "Queue", "postfix"]


@pytest.fixture(scope="session")
def desk(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a desk with the small office on it, where more people have unix accounts."""
    path = tmp_path_factory.mktemp("postfix") / "root"
    shutil.copytree(_office, path, symlinks=True, copy_function=_copy_file)
    root = Root(path)
    lines = [
        f"{name}:x:{7000 + n}:{7000 + n}::/home/e-smith/files/users/{name}:/bin/false" for n, name in enumerate(MORE)
    ]
    lines += ["backup:x:34:34:backup:/var/backups:/usr/sbin/nologin"]
    root.write("/etc/passwd", root.read("/etc/passwd") + "".join(f"{line}\n" for line in lines))
    found = Desk(root)
    yield found
    found.store.close()


def _made(trial: Trial, commands: list[Command]) -> tuple[Files, Office]:
    for words in [QUEUE, *commands]:
        changes = words[1] == "accounts" and words[2] in ("setprop", "delete", "settype", "delprop")
        if not changes or trial.transaction.type_of(words[1], words[3]) is not None:
            trial.do_words(words)
    return planned(trial.plan(*TEMPLATES)), Office(trial.transaction, (*UNIX, *MORE))


def _files(desk: Desk, commands: str = "") -> tuple[Files, Office]:
    with desk.trial() as trial:
        return _made(trial, [shlex.split(line) for line in commands.strip().splitlines()])


_in_ci = "CI" in os.environ or os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1"
_SETTINGS = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    derandomize=_in_ci,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(_SETTINGS, max_examples=60 if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1" else 30)
@given(commands=OFFICES)
def test_all_files_agree_behind_postfix(desk: Desk, commands: list[Command]) -> None:
    """In random offices (120 in CI) the files of Postfix and qpsmtpd agree with one another and with the settings."""
    with desk.trial() as trial:
        files, office = _made(trial, commands)
        note("\n".join(shlex.join(words) for words in trial.done))
        found = disagreements(files, office)
        assert not found, "\n".join(found[:20])


def _asked(files: Files, folder: Path, keys: list[str]) -> dict[str, str]:
    """Return what the real postmap finds for keys in both tables."""
    folder.mkdir(exist_ok=True)
    for name in ("virtual", "virtual_names"):
        (folder / name).write_text(files.read(f"{FOLDER}/{name}") or "")
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    tables = [f"texthash:{folder}/virtual", f"regexp:{folder}/virtual_names"]
    done = subprocess.run(
        [path_of("postmap"), "-c", str(folder), "-q", "-", *tables],
        input="".join(f"{key}\n" for key in keys).encode(),
        capture_output=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return dict(line.split("\t", 1) for line in done.stdout.decode().splitlines())


@pytest.mark.program("postmap")
@settings(_SETTINGS, max_examples=20)
@given(commands=OFFICES)
def test_postmap_finds_the_same(desk: Desk, tmp_path: Path, commands: list[Command]) -> None:
    """For every address that the agreement asks for, postmap has in both tables what the reader has."""
    with desk.trial() as trial:
        files, office = _made(trial, commands)
    tables = Tables(files)
    # As postmap reads them from its input: one a line.
    addresses = [one for one in Agreement(files, office).addresses() if one.isascii() and one.isprintable()]
    addresses += [f"{name}@localhost" for name in ("tom", "tom!x", "man", "alias-x", "shared-x", "everyone", "a+b-c")]
    keys = list(dict.fromkeys(key for one in addresses for key in (one, external(one)) if " " not in key))
    found = _asked(files, tmp_path / "tables", keys)
    wrong = {key: (found.get(key), tables.look_up(key)) for key in keys if found.get(key) != tables.look_up(key)}
    assert not wrong, dict(list(wrong.items())[:5])


#: Lines by which nobody's mail comes: expressions for each, and the reason.
SPARE = {
    "virtual": (
        (r"(alias|shared|root)@.*", "only programs of this machine write there"),
        (r"(admin_.*|anonymous|mailer-daemon|abuse|everyone|postmaster)@localhost .*", "nothing forwards there"),
        (r"(info|sales|team|group1|group2|my\.team)@localhost .*", "nor there"),
        (r"(?!deputy)\S*@second\.org .*", "jack gets all mail of the domain, by a rule"),
    ),
    "virtual_names": (
        (r'.*@localhost\$/ .*|/\^"?root-.*', "only programs of this machine write there"),
        (r".* \S*default@localhost", "qpsmtpd takes none of the addresses in quotes"),
    ),
    "transport": ((r"localhost error:.*", "no other name is left at localhost"),),
}


def _is_seen(files: Files, office: Office) -> bool:
    try:
        return any(Agreement(files, office).problems())
    except AssertionError:
        return True


@pytest.mark.parametrize("table", SPARE)
def test_a_line_that_leads_elsewhere_is_seen(desk: Desk, table: str) -> None:
    """The agreement sees each line of a table that leads to somebody else, or to nobody."""
    files, office = _files(desk, f"{OFFICE}config set EmailUnknownUser mary\n")
    path = f"{FOLDER}/{table}"
    lines = files.texts[path].splitlines()
    unseen, tried = [], 0
    for number, line in enumerate(lines):
        spare = any(re.fullmatch(expression, line) for expression, _ in SPARE[table])
        if spare or not re.search(r" \S", line) or line.startswith(("#", "if ", "/^(.*!")):
            continue
        key, _, value = line.partition(" ")
        other = "error:5.1.1" if table == "transport" else f"{'mary' if 'jack' in value else 'jack'}@localhost"
        changed = "\n".join([*lines[:number], f"{key} {other}", *lines[number + 1 :]]) + "\n"
        tried += 1
        if not _is_seen(files.changed(path, changed), office):
            unseen.append(line)
    assert tried
    assert unseen == [], "\n".join(unseen)


@pytest.mark.parametrize("name", [*DAEMONS, *(f"{name}@localhost" for name in DAEMONS)])
def test_a_daemon_gets_no_mail(desk: Desk, name: str) -> None:
    """What a program here sends to a daemon's account comes back, or goes to who gets unknown mail."""
    (end,) = Postfix(_files(desk)[0], homes=DAEMONS).deliver(name)
    assert end.kind == "bounce"
    postfix = Postfix(_files(desk, "config set EmailUnknownUser admin")[0], homes=DAEMONS)
    assert End("mailbox", "/home/e-smith/Maildir/") in postfix.deliver(name)


CURES = {
    "ann": "\n  to make it:\n    signal-event user-create ann",
    "o'neill": """, and none can have such a name
  to give the user another name, NEW, which gets the mail for this one, too:
    db accounts settype 'o'"'"'neill' pseudonym
    db accounts setprop 'o'"'"'neill' Account NEW
    db accounts set NEW user
    signal-event user-create NEW""",
}


@pytest.mark.parametrize("name", CURES)
def test_who_has_no_unix_account_gets_no_mail(desk: Desk, name: str) -> None:
    """Postfix delivers to unix accounts alone, so a user without one is not accepted, and a warning has the cure."""
    with desk.trial() as trial:
        for words in (QUEUE, ["db", "accounts", "set", name, "user", "Uid", "6001"]):
            trial.do_words(words)
        plan = trial.plan(*TEMPLATES)
        good = trial.file("/var/service/qpsmtpd/config/goodrcptto")
    assert f"{name}@" not in good
    (warning,) = (text for text in plan.warnings if f"user {name} gets no mail" in text)
    assert warning.endswith(f"it has no unix account, which Postfix needs{CURES[name]}")


def _owners(postfix: Postfix, address: str) -> set[str]:
    """Return whose mailboxes a mail may end in, and what other ends it has."""
    ends = postfix.deliver(address)
    return {end.what.removeprefix(f"{HOMES}/").partition("/Maildir/")[0] for end in ends if end.kind == "mailbox"} | {
        end.kind for end in ends if end.kind != "mailbox"
    }


def test_the_cure_for_such_a_name(desk: Desk) -> None:
    """With the commands of the warning the old name is accepted, and the user with the new name gets its mail."""
    made = _files(
        desk,
        """db accounts set "o'neill" user FirstName Ann Uid 6001 EmailForward local
        db accounts settype "o'neill" pseudonym
        db accounts setprop "o'neill" Account mary
        db accounts set mary user""",
    )
    assert disagreements(*made) == []
    assert "o'neill@example.com" in made[0].lines("/var/service/qpsmtpd/config/goodrcptto")
    assert _owners(Postfix(made[0]), "o'neill-x@example.com") == {"mary"}


def test_signs_that_other_servers_divide_names_by(desk: Desk) -> None:
    """A plus and an equals sign are parts of a name, whatever else is called as what is before them."""
    files, office = _files(
        desk,
        """db accounts set a+b pseudonym Account tom
        db accounts set a pseudonym Account jack
        db accounts set x+y user
        db accounts set x pseudonym Account john
        db accounts set team+ group Members tom""",
    )
    assert disagreements(files, office) == []
    postfix = Postfix(files)
    for name, owner in {"a+b": "tom", "a-b": "jack", "a+b-c": "tom", "x+y-z": "x+y", "x-y": "john"}.items():
        assert _owners(postfix, f"{name}@example.com") == {owner}, name


def test_an_account_with_capitals(desk: Desk) -> None:
    """local(8) knows no such name: the account has a transport of its own, which runs dot-qmail as it does."""
    files, office = _files(desk, "db accounts set Mary user\ndb accounts set info pseudonym Account Mary")
    assert disagreements(files, office) == []
    number = 7000 + MORE.index("Mary")
    assert f"mary@localhost account-{number}:" in files.lines(f"{FOLDER}/transport")
    assert f"account-{number}_destination_recipient_limit = 1" in files.lines(f"{FOLDER}/main.cf")
    for name in ("Mary", "mary", "MARY-x", "info", "Info-X"):
        assert _owners(Postfix(files), f"{name}@example.com") == {"Mary"}


def test_the_account_of_a_daemon_is_no_user(desk: Desk) -> None:
    """A user who is called as an account of Debian gets no mail, behind both queues, and the warning has the cure."""
    for queue in ("qmail", "postfix"):
        with desk.trial() as trial:
            trial.do_words([*QUEUE[:-1], queue])
            trial.do_words(["db", "accounts", "set", "backup", "user", "Uid", "6001"])
            plan = trial.plan(*TEMPLATES)
            good = trial.file("/var/service/qpsmtpd/config/goodrcptto")
        assert "backup@" not in good
        (warning,) = (text for text in plan.warnings if "user backup gets no mail" in text)
        assert "is one of the system, with the number 34 and the home /var/backups" in warning
        assert warning.endswith("\n    signal-event user-create NEW")


def test_where_the_line_for_all_names_is_missing_unix_accounts_get_mail(desk: Desk) -> None:
    """Without 95unknown of users/assign, which means so behind qmail, there is no line that refuses them."""
    files, _ = _files(desk)
    assert "localhost error:5.1.1 Recipient unknown" in files.lines(f"{FOLDER}/transport")
    assert Tables(files).expand("man@localhost") == "alias!man@localhost"
