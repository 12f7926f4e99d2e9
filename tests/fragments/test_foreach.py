"""Templates that make one output for each record."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Contents, Trees

PATH = "/home/e-smith/files/users/{key}/.qmail"


@pytest.fixture
def users(trees: Trees) -> Trees:
    """A template with an output for each user."""
    trees.standard(f"{PATH}/template-begin")
    trees.standard(f"{PATH}/template.toml", 'foreach = "accounts:user"\n')
    trees.standard(f"{PATH}/10a", "{{ record.key }} {{ record.Uid }} {{ record['Uid'] }} {{ record.type }}\n")
    return trees


def _outputs(trees: Trees, path: str = PATH) -> dict[str, bytes]:
    return {rendering.path: rendering.content for rendering in trees.renderer().render(path)}


def test_one_output_for_each_record(users: Trees) -> None:
    """There is an output for each record of the type, with its key in the path and the record as a variable."""
    assert _outputs(users) == {
        "/home/e-smith/files/users/Zoe/.qmail": b"Zoe 5002 5002 user\n",
        "/home/e-smith/files/users/tom/.qmail": b"tom 5001 5001 user\n",
    }


@pytest.mark.parametrize(
    ("spec", "keys"),
    [
        ("accounts", ["Zoe", "boss@test.com", "sales", "tom"]),
        ("accounts:group", ["sales"]),
        ("accounts:group,user", ["Zoe", "sales", "tom"]),
        ("accounts:nosuch", []),
        ("nosuch", []),
    ],
)
def test_the_records_are_chosen_by_type(users: Trees, spec: str, keys: list[str]) -> None:
    """``foreach`` names a database, and one type, several or all of them; no record gives no output."""
    users.standard(f"{PATH}/template.toml", f'foreach = "{spec}"\n')
    users.standard(f"{PATH}/10a", "{{ record.key }}\n")
    assert [content.decode().strip() for content in _outputs(users).values()] == keys


def test_what_stands_for_the_key_in_the_path(users: Trees) -> None:
    """``key`` makes another name of the record's key; a record for which it is empty has no output."""
    users.standard(
        f"{PATH}/template.toml",
        """foreach = "accounts:user"\nkey = "{{ record.key | lower if record.key != 'tom' }}"\n""",
    )
    path = "/home/e-smith/files/users/zoe/.qmail"
    assert _outputs(users) == _outputs(users, path) == {path: b"Zoe 5002 5002 user\n"}
    for missing in ("Zoe", "tom"):
        assert "has no record" in users.error(f"/home/e-smith/files/users/{missing}/.qmail").message


def test_one_of_them_by_its_path(users: Trees) -> None:
    """The path of one record's output expands that one."""
    path = "/home/e-smith/files/users/tom/.qmail"
    assert _outputs(users, path) == {path: b"tom 5001 5001 user\n"}


@pytest.mark.parametrize("key", ["nosuch", "sales"], ids=["no record", "another type"])
def test_no_output_without_its_record(users: Trees, key: str) -> None:
    """The path of an output whose record does not exist, or has another type, is an error that names it."""
    error = users.error(f"/home/e-smith/files/users/{key}/.qmail")
    assert f"has no record {key!r}" in error.message


def test_a_template_of_its_own_goes_first(users: Trees) -> None:
    """A template for one record's path itself goes before the one for all records."""
    path = "/home/e-smith/files/users/tom/.qmail"
    users.custom(path, "my own\n")
    assert _outputs(users, path) == {path: b"my own\n"}


@pytest.mark.parametrize("key", ["../../../etc/passwd", "a/b", ".", ".."])
def test_a_key_that_cannot_be_part_of_a_path(users: Trees, key: str) -> None:
    """A record whose key would lead elsewhere has no output, and the fault names it; the others have theirs."""
    users.snapshot.contents["accounts"][key] = ("user", {"Uid": "1"})
    renderer = users.renderer()
    outputs = [rendering.path for rendering in renderer.render(PATH)]
    assert outputs == ["/home/e-smith/files/users/Zoe/.qmail", "/home/e-smith/files/users/tom/.qmail"]
    fault = renderer.left_out["accounts", key]
    assert fault.place == "accounts"
    assert repr(key) in fault.message


@pytest.mark.parametrize("key", ["...", ".hidden", "a b", "ü@test.com", "-x", "{key}", "*", "$(id)", "a;b'\"", "%s"])
def test_odd_keys_are_parts_of_paths(users: Trees, key: str) -> None:
    """Any other key stands in the path as it is."""
    accounts: Contents = {key: ("user", {"Uid": "1"})}
    users.snapshot.contents["accounts"] = accounts
    assert list(_outputs(users)) == [f"/home/e-smith/files/users/{key}/.qmail"]


def test_the_output_may_hold_the_key(trees: Trees) -> None:
    """Where the metadata names the output, the key stands there; the template's path needs none then."""
    trees.standard("/etc/links/template.toml", 'foreach = "accounts:user"\noutput = "/run/{key}.conf"\n')
    trees.standard("/etc/links/10a", "{{ record.Uid }}\n")
    assert _outputs(trees, "/etc/links") == {"/run/Zoe.conf": b"5002\n", "/run/tom.conf": b"5001\n"}


def test_without_a_place_for_the_key(trees: Trees) -> None:
    """``foreach`` without a place for the key in the path would make one output many times, and is an error."""
    trees.standard("/etc/one/10a", "text\n")
    place = trees.standard("/etc/one/template.toml", 'foreach = "accounts:user"\n')
    error = trees.error("/etc/one")
    assert error.place == str(place)
    assert "{key}" in error.message


def test_single_file_templates_too(trees: Trees) -> None:
    """A single file may be expanded for each record as well, by the metadata of its directory."""
    trees.standard("/home/{key}/.forward", "{{ record.Uid }}\n")
    trees.standard("/home/{key}/template.toml", '[files.".forward"]\nforeach = "accounts:user"\n')
    assert _outputs(trees, "/home/{key}/.forward") == {"/home/Zoe/.forward": b"5002\n", "/home/tom/.forward": b"5001\n"}


def test_a_broken_record_names_its_output(users: Trees) -> None:
    """A value that one record lacks is an error that names that record's output."""
    users.snapshot.contents["accounts"]["zed"] = ("user", {})
    error = users.error(PATH)
    assert "accounts zed has no property 'Uid'" in error.message
    assert "/home/e-smith/files/users/zed/.qmail" in error.message
