"""Where panel files come from: the administrator's go before the shipped ones, and a faulty one stops no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import EsmithError, UntrustedError
from esmith.panels.load import load_panel, load_panels
from esmith.panels.setting import NoSuchPanelError, PanelError
from tests.panels.kit import SHIPPED, Desk

_PAGE = 'heading = "{}"\norder = {}\n[[sections]]\nname = "a"\nheading = "A"\n'


def _write(desk: Desk, name: str, text: str = _PAGE.format("Mine", 1)) -> Path:
    path = Path(desk.layout.panels_custom, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _faults(desk: Desk) -> dict[str, EsmithError]:
    """Return what is wrong, by the part of the place below the directory of the administrator's panels."""
    found = load_panels(desk.layout, desk.schema)
    assert set(SHIPPED) - set(found.panels) <= {"configuration/email"}
    return {str(Path(fault.place).relative_to(desk.layout.panels_custom)): fault for fault in found.faults}


def test_the_groups_and_orders_decide(desk: Desk) -> None:
    """Pages are in the order of the five groups, in a group by their order, and of one order by name."""
    for name, order in (
        ("collaboration/b", 90),
        ("collaboration/a", 90),
        ("miscellaneous/z", 1),
        ("collaboration/c", 80),
    ):
        _write(desk, f"{name}.toml", _PAGE.format("Mine", order))
    found = list(load_panels(desk.layout, desk.schema).panels)
    assert found[:3] == ["collaboration/c", "collaboration/a", "collaboration/b"]
    assert found[-1] == "miscellaneous/z"
    assert (
        found.index("collaboration/users") < found.index("security/localnetworks") < found.index("configuration/email")
    )


def test_a_custom_panel_replaces_a_shipped_one(desk: Desk) -> None:
    """A page of the administrator takes the place of the shipped one of its name, and others are added."""
    _write(desk, "configuration/email.toml")
    _write(desk, "miscellaneous/more.toml")
    panels = load_panels(desk.layout, desk.schema).panels
    assert panels["configuration/email"].heading == panels["miscellaneous/more"].heading == "Mine"
    assert load_panel(desk.layout, desk.schema, "configuration/email").heading == "Mine"
    assert set(panels) == {*SHIPPED, "miscellaneous/more"}


def test_a_faulty_panel_is_missing_alone(desk: Desk) -> None:
    """A custom page with a mistake is missing, the shipped one of its name does not come back, the others are there."""
    path = _write(desk, "configuration/email.toml", "heading = ")
    found = load_panels(desk.layout, desk.schema)
    assert set(found.panels) == set(SHIPPED) - {"configuration/email"}
    assert [fault.place for fault in found.faults] == [str(path)]
    with pytest.raises(PanelError):
        load_panel(desk.layout, desk.schema, "configuration/email")


def test_leftovers_are_no_panels(desk: Desk) -> None:
    """Backups and what editors leave are no pages, and neither are other files."""
    for name in ("a.toml~", "#a.toml#", ".a.toml.swp", "a.toml.rpmsave", "README.md", ".hidden.toml", ".#a.toml"):
        _write(desk, f"miscellaneous/{name}", "heading = ")
    Path(desk.layout.panels_custom, "README").write_text("mine")
    found = load_panels(desk.layout, desk.schema)
    Path(desk.layout.panels_custom, "README").unlink()
    assert ([str(fault) for fault in found.faults], set(found.panels)) == ([], set(SHIPPED))


def test_a_group_that_there_is_not_is_a_fault(desk: Desk) -> None:
    """A directory that is none of the groups is a fault with a hint; what is in it is not read."""
    path = _write(desk, "securety/a.toml", "heading = ")
    faults = _faults(desk)
    path.unlink()
    path.parent.rmdir()
    assert {name: fault.hint for name, fault in faults.items()} == {"securety": "did you mean 'security'?"}


def test_a_name_that_is_no_address_is_a_fault(desk: Desk) -> None:
    """The name of a page becomes a part of addresses, so not every name will do."""
    _write(desk, "miscellaneous/My Page.toml")
    assert list(_faults(desk)) == ["miscellaneous/My Page.toml"]


def test_only_files_in_trusted_hands_are_read(desk: Desk) -> None:
    """A page that others may write is a fault, and so is a directory of pages; nothing of it is read."""
    path = _write(desk, "miscellaneous/open.toml")
    path.chmod(0o666)
    faults = _faults(desk)
    assert {name: type(fault) for name, fault in faults.items()} == {"miscellaneous/open.toml": UntrustedError}
    with pytest.raises(UntrustedError):
        load_panel(desk.layout, desk.schema, "miscellaneous/open")
    path.chmod(0o644)
    path.parent.chmod(0o777)
    desk.layout.trust.renew()
    faults = _faults(desk)
    path.parent.chmod(0o755)
    desk.layout.trust.renew()
    assert {name: type(fault) for name, fault in faults.items()} == {"miscellaneous": UntrustedError}


def test_a_link_that_leads_nowhere_is_a_fault(desk: Desk) -> None:
    """A page that is a link to nothing is missing, and the reason is there."""
    path = Path(desk.layout.panels_custom, "miscellaneous/gone.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")
    assert [fault.message for fault in _faults(desk).values()] == ["cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    "id", ["", "email", "configuration/none", "none/email", "configuration/../collaboration/users"]
)
def test_a_panel_that_there_is_not(desk: Desk, id: str) -> None:
    """A name that is none of a page is refused, also one that leads to a file on another way."""
    with pytest.raises(NoSuchPanelError):
        load_panel(desk.layout, desk.schema, id)


def test_what_a_panel_may_signal(desk: Desk) -> None:
    """A page names all events that it may signal, of a form and of a list."""
    assert desk.panel("configuration/email").events() == {"email-update"}
    users = desk.panel("collaboration/users")
    assert {"user-create", "user-modify", "user-delete", "user-lock", "password-modify"} <= users.events()
    assert (users.kind, users.group, users.name) == ("records", "collaboration", "users")
