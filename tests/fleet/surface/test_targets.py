"""The layer of a fleet that a command writes to: what it comes from, or what an option chooses."""

from __future__ import annotations

import pytest

from tests.commands import Root
from tests.fleet.surface.kit import FakeAgent, mark_of, receive, stored

QPSMTPD = "configuration", "qpsmtpd"


def share(root: Root, *layers: tuple[str, str]) -> None:
    """Have layers hold qpsmtpd with a value of MaxLoad each."""
    receive(
        root,
        [
            (layer, *QPSMTPD, prop, value)
            for layer, load in layers
            for prop, value in (("", "service"), ("MaxLoad", load))
        ],
    )


def test_a_plain_command_changes_the_layer_of_the_value(member: Root, agent: FakeAgent) -> None:
    """What comes from a group is changed for the group, and the command says for how many."""
    share(member, ("fleet", "7"), ("group:mx", "8"))
    shown = member.config("setprop", "qpsmtpd", "MaxLoad", "9").err
    assert agent.changes == [["group:mx", *QPSMTPD, "MaxLoad", "9"]]
    assert shown == "config: changed for group mx: 2 hosts (mail1, mail2)\n"
    assert stored(member, *QPSMTPD, "MaxLoad") == "9"


def test_what_no_layer_has_goes_to_the_fleet(member: Root, agent: FakeAgent) -> None:
    """A property that no layer has is changed for all."""
    share(member, ("fleet", "7"))
    member.config("setprop", "qpsmtpd", "MyOwn", "1")
    assert agent.changes == [["fleet", *QPSMTPD, "MyOwn", "1"]]


def test_what_belongs_to_the_machine_stays_there(member: Root, agent: FakeAgent) -> None:
    """A name of the machine, a secret and a local network are changed here, and nobody is asked."""
    member.config("set", "SystemName", "mx1")
    member.config("setprop", "smtp-auth-proxy", "Passwd", "sesame")
    member.config("setprop", "qpsmtpd", "MyPassword", "sesame")
    member.db("networks", "set", "10.9.0.0", "network", "Mask", "255.255.0.0")
    assert agent.commits == []
    assert stored(member, "configuration", "SystemName", "") == "mx1"


@pytest.mark.parametrize(
    ("words", "layer"),
    [(["--fleet"], "fleet"), (["--group", "branch"], "group:branch"), (["--group=mx"], "group:mx")],
)
@pytest.mark.parametrize("is_before", [True, False])
def test_an_option_chooses_the_layer(
    member: Root, agent: FakeAgent, words: list[str], layer: str, is_before: bool
) -> None:
    """An option before the verb or behind it chooses a layer that is shared."""
    share(member, ("fleet", "7"))
    before, after = (words, []) if is_before else ([], words)
    member.config(*before, "setprop", *after, "qpsmtpd", "MaxLoad", "9")
    sent = [change for change in agent.changes if change[3] == "MaxLoad"]
    assert sent == [[layer, *QPSMTPD, "MaxLoad", "9"]]


@pytest.mark.parametrize("kind", ["host", "local"])
def test_an_option_keeps_it_on_this_host(member: Root, kind: str) -> None:
    """With --host or --local the value is of this host, also while no agent runs, and the command says so."""
    share(member, ("fleet", "7"))
    shown = member.config("setprop", f"--{kind}", "qpsmtpd", "MaxLoad", "9").err
    assert "only of this host" in shown
    assert mark_of(member, *QPSMTPD, "MaxLoad") == kind
    assert stored(member, *QPSMTPD, "MaxLoad") == "9"


def test_after_the_first_operand_nothing_is_an_option(member: Root, agent: FakeAgent) -> None:
    """A value that looks like an option is a value."""
    share(member, ("fleet", "7"))
    member.config("setprop", "qpsmtpd", "MyOwn", "--host")
    assert agent.changes == [["fleet", *QPSMTPD, "MyOwn", "--host"]]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--host", "--fleet", "setprop", "qpsmtpd", "MaxLoad", "9"], "--host and --fleet choose two layers"),
        (["--group=a", "setprop", "--group=b", "qpsmtpd", "MaxLoad", "9"], "--group=a and --group=b choose two layers"),
        (["setprop", "--group"], "--group needs the name of a group"),
        (["--group=", "setprop", "qpsmtpd", "MaxLoad", "9"], "--group needs the name of a group"),
        (["--host", "getprop", "qpsmtpd", "MaxLoad"], "getprop changes nothing"),
        (["list", "--fleet"], "list changes nothing"),
        (["--layers", "getprop", "qpsmtpd", "MaxLoad"], "--layers is for show with a key"),
        (["show", "--layers"], "--layers is for show with a key"),
        (["--layers", "apply", "wanted.toml"], "--layers is for show with a key"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(member: Root, words: list[str], shown: str) -> None:
    """Two layers at once, no name, or a verb that changes nothing: the exit code is 2, and nothing is changed."""
    assert shown in member.config(*words, code=2).err


@pytest.mark.parametrize("words", [["setprop", "--fleet", "qpsmtpd", "MaxLoad", "9"], ["show", "--layers", "qpsmtpd"]])
def test_on_a_server_in_no_fleet(root: Root, words: list[str]) -> None:
    """There are no layers, and the command says how a fleet begins; nothing is changed."""
    shown = root.config(*words, code=2).err
    assert "this server is in no fleet" in shown
    assert "esmith fleet init" in shown
    assert root.config("getprop", "qpsmtpd", "MaxLoad").out == "7\n"


def test_a_text_file_has_no_layers(member: Root) -> None:
    """An option of a layer is refused for a text file."""
    path = member.path / "own"
    assert "a text file has no layers" in member.db(str(path), "set", "--host", "a", "b", code=2).err
    assert not path.exists()


def test_a_batch_is_one_changeset(member: Root, agent: FakeAgent) -> None:
    """All lines go out together, to the layer that was chosen."""
    share(member, ("fleet", "7"))
    lines = "setprop qpsmtpd MaxLoad 9\nsetprop qpsmtpd LogLevel 3\n"
    member.run("config", "--group=mx", "batch", stdin=lines)
    assert len(agent.commits) == 1
    assert {(change[0], change[3], change[4]) for change in agent.changes} >= {
        ("group:mx", "MaxLoad", "9"),
        ("group:mx", "LogLevel", "3"),
    }


def test_apply_and_edit_choose_it_too(member: Root, agent: FakeAgent) -> None:
    """A wanted state and an edited record go to the layer that was chosen."""
    share(member, ("fleet", "7"))
    wanted = member.path / "wanted.toml"
    wanted.write_text('[configuration.qpsmtpd]\ntype = "service"\nMaxLoad = "9"\n')
    member.config("apply", "--group", "mx", "--yes", str(wanted))
    assert ["group:mx", *QPSMTPD, "MaxLoad", "9"] in agent.changes
    editor = member.path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/MaxLoad = .*/MaxLoad = 11/;s/^MaxLoad=.*/MaxLoad=11/" "$1"\n')
    editor.chmod(0o755)
    shown = member.run("config", "edit", "--fleet", "qpsmtpd", env={"EDITOR": str(editor)}).err
    assert ["fleet", *QPSMTPD, "MaxLoad", "11"] in agent.changes
    assert "changed for the fleet: 3 hosts" in shown


def test_undo_changes_the_layer_of_the_value(member: Root, agent: FakeAgent) -> None:
    """What was changed for a group is undone for the group."""
    share(member, ("fleet", "7"), ("group:mx", "8"))
    member.config("setprop", "qpsmtpd", "MaxLoad", "9")
    number = member.esmith("history", "--limit", "1").out.split()[1]
    shown = member.esmith("undo", number).err
    assert agent.changes == [["group:mx", *QPSMTPD, "MaxLoad", "8"]]
    assert "changed for group mx" in shown


def test_an_action_of_an_event_changes_this_host_only(member: Root, agent: FakeAgent) -> None:
    """What runs in an event asks nobody: its value is of this host, and --fleet still chooses."""
    share(member, ("fleet", "7"))
    inside = {"ESMITH_EVENT_DEPTH": "1"}
    member.run("config", "setprop", "qpsmtpd", "MaxLoad", "9", env=inside)
    assert agent.commits == []
    assert mark_of(member, *QPSMTPD, "MaxLoad") == "host"
    member.run("config", "setprop", "--fleet", "qpsmtpd", "LogLevel", "3", env=inside)
    assert agent.changes == [["fleet", *QPSMTPD, "LogLevel", "3"]]


def test_what_an_event_gives_its_actions(member: Root, agent: FakeAgent) -> None:
    """The commands that an action of a real event runs know that they are in one."""
    share(member, ("fleet", "7"))
    event = member.path / "etc/e-smith/events/own-update"
    event.mkdir()
    action = event / "S10set"
    action.write_text("#!/bin/sh\nconfig setprop qpsmtpd MaxLoad 9\n")
    action.chmod(0o755)
    member.signal("own-update")
    assert agent.commits == []
    assert mark_of(member, *QPSMTPD, "MaxLoad") == "host"
