"""Commands while other servers of the fleet write, or while nobody answers."""

from __future__ import annotations

import ast

import pytest

from esmith import repeating
from esmith.errors import BusyError
from esmith.fleet.replica import asking
from esmith.layout import Layout
from esmith.store.behind import BehindError
from tests.commands import Root
from tests.fleet.surface.kit import FakeAgent, receive, stored
from tests.perl.kit import Script
from tests.store.stores import REPOSITORY

QPSMTPD = "configuration", "qpsmtpd"
BEHIND = {"outcome": "behind", "head": 2}
AWAY = {"outcome": "refused", "message": "etcd is away: https://192.0.2.1:2379 does not answer", "hint": "wait for it"}


def test_a_command_that_is_behind_is_repeated(member: Root, agent: FakeAgent) -> None:
    """What another server changed meanwhile is taken first, and the batch, read once, is done on top of it."""
    receive(member, [("fleet", *QPSMTPD, "", "service"), ("fleet", *QPSMTPD, "MaxLoad", "7")])
    agent.answers = [BEHIND]
    agent.on_wait = lambda _: receive(member, [("fleet", *QPSMTPD, "LogLevel", "2")])
    member.run("config", "batch", stdin="setprop qpsmtpd MaxLoad 9\n")
    assert [one["base"] for one in agent.commits] == ["1 h1", "2 h2"]
    assert agent.changes == [["fleet", *QPSMTPD, "MaxLoad", "9"]]
    assert stored(member, *QPSMTPD, "LogLevel") == "2"
    assert stored(member, *QPSMTPD, "MaxLoad") == "9"


def test_undo_that_is_behind_is_repeated(member: Root, agent: FakeAgent) -> None:
    """Undo starts again as well, and looks at what is there then."""
    member.config("setprop", "qpsmtpd", "MaxLoad", "9")
    number = member.esmith("history", "--limit", "1").out.split()[1]
    agent.answers = [BEHIND]
    member.esmith("undo", number)
    assert len(agent.commits) == 3
    assert stored(member, *QPSMTPD, "MaxLoad") == "7"


def test_import_that_is_behind_is_repeated(member: Root, agent: FakeAgent) -> None:
    """An import starts again with what the files hold, and reports once what is wrong with them."""
    member.write("/tmp/configuration", "qpsmtpd=service|MaxLoad|9|DNSBL|perhaps\n")
    agent.answers = [BEHIND]
    shown = member.esmith("import", str(member.file("/tmp/configuration")))
    assert len(agent.commits) == 2
    assert agent.commits[0]["changes"] == agent.commits[1]["changes"]
    assert shown.out.count("qpsmtpd DNSBL: stored as it is") == 1
    assert stored(member, *QPSMTPD, "MaxLoad") == "9"


def test_scheduling_of_backups_that_is_behind_is_repeated(member: Root, agent: FakeAgent) -> None:
    """The settings of backups are the fleet's, so other servers may be quicker here as well."""
    agent.answers = [BEHIND]
    member.esmith("backup", "--every", "day", "--to", "/var/backups/e-smith")
    assert len(agent.commits) == 2
    assert stored(member, "configuration", "esmith-backup", "Every") == "day"


def test_others_that_stay_ahead(monkeypatch: pytest.MonkeyPatch, root: Root) -> None:
    """When others are first each time, the command gives up after its patience, with nothing changed."""
    waited: list[int] = []
    monkeypatch.setattr(asking, "wait", lambda _root, revision, _seconds: waited.append(revision))

    def attempt() -> None:
        raise BehindError(4)

    with pytest.raises(BusyError, match="changed settings all the time") as found:
        repeating.repeated(Layout(str(root.path)), attempt, 3, patience=0.1)
    assert not isinstance(found.value, BehindError)
    assert "nothing was changed" in found.value.hint
    assert waited[:2] == [3, 4]


def test_a_refused_change_changes_nothing(member: Root, agent: FakeAgent) -> None:
    """While etcd is away a shared setting cannot be changed: the reason is named, and --local as the way out."""
    receive(member, [("fleet", *QPSMTPD, "", "service"), ("fleet", *QPSMTPD, "MaxLoad", "7")])
    agent.answers = [AWAY]
    shown = member.config("setprop", "qpsmtpd", "MaxLoad", "9", code=6).err
    assert shown.startswith("config: etcd is away: https://192.0.2.1:2379 does not answer\n  wait for it")
    assert "nothing was changed" in shown
    assert stored(member, *QPSMTPD, "MaxLoad") == "7"


def test_while_no_agent_runs(member: Root) -> None:
    """Without the agent nothing shared is changed, and reading goes on."""
    shown = member.config("setprop", "qpsmtpd", "MaxLoad", "9", code=6).err
    assert "the agent of the fleet is not there" in shown
    assert "--local" in shown
    assert member.config("getprop", "qpsmtpd", "MaxLoad").out == "7\n"


@pytest.mark.program("perl")
def test_a_script_in_perl(member: Root, agent: FakeAgent) -> None:
    """What a script sets goes to the layer of the value, once more where others were first."""
    receive(member, [("fleet", *QPSMTPD, "", "service"), ("fleet", *QPSMTPD, "MaxLoad", "7")])
    agent.answers = [BEHIND]
    Script(member).run(
        "esmith::ConfigDB->open->get('qpsmtpd')->set_prop('MaxLoad', 9);", switches=("-Mesmith::ConfigDB",)
    )
    assert [one["changes"] for one in agent.commits] == [[["fleet", *QPSMTPD, "MaxLoad", "9"]]] * 2
    assert stored(member, *QPSMTPD, "MaxLoad") == "9"


#: The modules that write to a layer that is chosen, each with the one that repeats it.
_REPEATED_BY = {
    "backup/schedule.py": "backup/schedule.py",
    "cli/apply.py": "cli/apply.py",
    "cli/db.py": "cli/db.py",
    "cli/edit.py": "cli/edit.py",
    "fleet/admin/local_values.py": "cli/fleet/layers.py",
    "manager/helper/settings_of_job.py": "manager/helper/settings_of_job.py",
    "manager/helper/verbs/changes.py": "manager/helper/verbs/changes.py",
    "perl/sources.py": "cli/perl_server.py",
    "schema/flat_import.py": "cli/flat.py",
    "store/undo.py": "cli/undo.py",
}


def test_whoever_writes_shared_settings_repeats() -> None:
    """Each place that writes to a layer is repeated where other servers were quicker; a new one has to say by whom."""
    sources = {path: path.read_text() for path in sorted((REPOSITORY / "esmith").rglob("*.py"))}
    writers = {
        path.relative_to(REPOSITORY / "esmith").as_posix()
        for path, text in sources.items()
        if ".transaction(" in text and _names_a_layer(ast.parse(text))
    }
    assert writers == set(_REPEATED_BY)
    for name in _REPEATED_BY.values():
        assert "import repeat" in sources[REPOSITORY / "esmith" / name], name


def _names_a_layer(tree: ast.AST) -> bool:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr == "transaction" and len(call.args) > 1
        for call in calls
    )
