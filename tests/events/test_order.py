"""The order of the steps of an event."""

from __future__ import annotations

import pytest

from esmith.errors import EsmithError, ServiceError
from esmith.events.errors import ActionError
from tests.apply.kit import look
from tests.events.kit import Scene

#: Writes down the action's name and what the output is at that moment.
NOTE = 'echo "${0##*/} $(cat "$ESMITH_ROOT/etc/t" 2>/dev/null || echo old)" >>"$ESMITH_ROOT/order"'

#: The original's order (docs/original.md#the-steps-of-an-event), with hidden names and names that begin otherwise.
ACTIONS = (
    ".hidden",
    "A",
    "K99",
    "S00",
    "S04x",
    "S05aaa",
    "S05x",
    "S05zzz",
    "S06x",
    "S89x",
    "S90aaa",
    "S90x",
    "S91x",
    "a",
)


def test_templates_at_s05_and_services_at_s90(scene: Scene) -> None:
    """Actions run in byte order of their names; templates are expanded at S05, services adjusted at S90."""
    scene.template("/etc/t", "new")
    scene.service("clamd")
    scene.event("/etc/t\n", "clamd restart\n", dict.fromkeys(ACTIONS, NOTE))
    result = scene.signal()
    after = ACTIONS.index("S05aaa") + 1
    services = ACTIONS.index("S90aaa") + 1
    assert scene.order() == [
        *(f"{name} old" for name in ACTIONS[:after]),
        *(f"{name} new" for name in ACTIONS[after:services]),
        "[clamd restart]",
        *(f"{name} new" for name in ACTIONS[services:]),
    ]
    assert result.actions == list(ACTIONS)


@pytest.mark.parametrize("missing", ["templates", "services", "both"])
def test_an_event_may_lack_either(scene: Scene, missing: str) -> None:
    """An event without templates or without services still runs its actions."""
    scene.template("/etc/t", "new")
    scene.service("clamd")
    scene.event(
        None if missing in ("templates", "both") else "/etc/t\n",
        None if missing in ("services", "both") else "clamd restart\n",
        {"S10": NOTE},
    )
    scene.signal()
    assert len([line for line in scene.order() if line.startswith("S10")]) == 1
    assert scene.carried_out() == (["clamd restart"] if missing == "templates" else scene.carried_out())


def test_an_empty_event_does_nothing(scene: Scene) -> None:
    """An event directory without anything in it is an event that does nothing."""
    scene.event()
    result = scene.signal()
    assert (result.actions, result.plan.outputs, result.services, scene.notes) == ([], [], {}, [])


def test_an_action_named_as_a_place_is_an_action(scene: Scene) -> None:
    """A contrib's own S05generic_template_expand is run when the event has no templates to expand."""
    scene.event(actions={"S05generic_template_expand": NOTE, "S90adjust-services": NOTE})
    scene.signal()
    assert [line.split()[0] for line in scene.order()] == ["S05generic_template_expand", "S90adjust-services"]


@pytest.mark.parametrize(
    ("failing", "order"),
    [
        ("S04", ["S04 old"]),
        ("S06", ["S04 old", "S06 new"]),
        ("S95", ["S04 old", "S06 new", "[clamd restart]", "S95 new", "[clamd restart]"]),
    ],
)
def test_the_first_failure_stops_the_event(scene: Scene, failing: str, order: list[str]) -> None:
    """When an action fails nothing after it is done, and what was done before it to files and services is undone."""
    scene.template("/etc/t", "new")
    scene.service("clamd")
    actions = {name: NOTE + (";exit 1" if name == failing else "") for name in ("S04", "S06", "S95", "S96")}
    scene.event("/etc/t\n", "clamd restart\n", actions)
    with pytest.raises(ActionError, match=f"/{failing}:"):
        scene.signal()
    assert scene.order() == order
    assert look(scene.path / "etc/t") is None


def test_a_service_that_fails_stops_the_event(scene: Scene) -> None:
    """When a service fails the actions after it do not run, and the error says which."""
    scene.service("clamd")
    scene.supervisor.breaks = {"clamd"}
    scene.event(services="clamd restart\n", actions={"S89": NOTE, "S91": NOTE})
    with pytest.raises(EsmithError, match="service clamd") as caught:
        scene.signal()
    assert caught.value.exit_code == 8
    assert scene.order() == ["S89 old", "[clamd restart]"]


def test_a_service_that_fails_puts_the_files_back(scene: Scene) -> None:
    """When a service cannot live with its new files the old ones are restored, and the services adjusted again."""
    scene.foreign("/etc/t", "before\n", 0o600)
    scene.template("/etc/t", "new\n")
    for name in ("aa", "bb", "cc"):
        scene.service(name)
    scene.supervisor.breaks = {"bb"}
    scene.event("/etc/t\n", "aa restart\nbb restart\ncc restart\n")
    with pytest.raises(EsmithError, match="service bb"):
        scene.signal()
    assert scene.order() == ["[aa restart]", "[bb restart]", "[aa restart]", "[bb start]"]
    assert look(scene.path / "etc/t") == ("file", b"before\n", 0o600)
    assert any("restored" in note for note in scene.notes)


def test_a_service_that_does_not_stay_up_fails_the_event(scene: Scene) -> None:
    """A service that took its restart and then ended is a failure: the old file is restored, the log names it."""
    scene.foreign("/etc/t", "before\n", 0o600)
    scene.template("/etc/t", "new\n")
    scene.service("aa")
    scene.service("bb")
    scene.supervisor.dies = {"bb"}
    scene.event("/etc/t\n", "aa restart\nbb restart\n", {"S95": NOTE})
    with pytest.raises(ServiceError, match="service bb") as caught:
        scene.signal()
    assert caught.value.exit_code == 8
    assert scene.order() == ["[aa restart]", "[bb restart]", "[aa restart]", "[bb start]"]
    assert look(scene.path / "etc/t") == ("file", b"before\n", 0o600)
    assert "service bb" in scene.file("/var/log/e-smith/events.log").read_text()


def test_what_early_actions_change_is_expanded(scene: Scene) -> None:
    """Templates see what the actions before them changed on the disk and in the databases."""
    scene.template("/etc/t", "{{ read('/flag') }}")
    scene.event("/etc/t\n", None, {"S04": 'printf "made" >"$ESMITH_ROOT/flag"', "S10": NOTE})
    scene.signal()
    assert scene.order() == ["S10 made"]
