"""What outputs of a template have in common stands in a line of its own, apart from what one has alone."""

from __future__ import annotations

import json

import pytest

from esmith.fields import replace
from esmith.plan.installed import OUTPUTS
from esmith.plan.remembered import rows_at
from tests.apply.kit import AUTHOR, Bench

PEOPLE = "/etc/people/{key}"
NAMES = ("ann", "bob", "cy")


@pytest.fixture
def office(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root with a file for each of three users, made of the account and of a file of its own."""
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    bench.trees.standard("/etc/template.toml", "services = []\n")
    text = "{{ record.Room }} {{ passwd(record.key).uid | default('none') }} {{ exists('/etc/flags/' ~ record.key) }}\n"
    bench.template(PEOPLE, text, 'foreach = "accounts:user"')
    accounts = [f"{name}:x:{number}:{number}::/:/bin/sh\n" for number, name in enumerate(NAMES, 101)]
    bench.file("/etc/passwd").write_text("".join(accounts))
    bench.file("/etc/group").write_text("root:x:0:\n")
    for name in NAMES:
        bench.set("accounts", name, "user", Room="1")
    bench.apply(PEOPLE)
    return bench


def _expanded(bench: Bench) -> list[str]:
    return [output.path.rpartition("/")[2] for output in bench.plan(PEOPLE).outputs if not output.rendering.recalled]


def _inputs(bench: Bench, name: str) -> str:
    with bench.store.snapshot() as snapshot:
        row = OUTPUTS.get(snapshot, f"/etc/people/{name}")
    assert row is not None
    return row.inputs


def _write(bench: Bench, name: str, inputs: str) -> None:
    path = f"/etc/people/{name}"
    with bench.store.transaction(AUTHOR) as transaction:
        row = OUTPUTS.get(transaction, path)
        assert row is not None
        OUTPUTS.put(transaction, path, replace(row, inputs=inputs))


def test_the_first_line_is_the_same(office: Bench) -> None:
    """The first line is the same for all users; files and accounts of one stand in the third."""
    lines = [_inputs(office, name).split("\n") for name in NAMES]
    assert len({first for first, _, _ in lines}) == 1
    assert [set(json.loads(third)) for _, _, third in lines] == [{"files", "users"}] * 3
    assert _expanded(office) == []


def test_an_account_of_one(office: Bench) -> None:
    """When the account of one user, or a file that only its output looked at, changed, that output is made again."""
    passwd = office.file("/etc/passwd")
    passwd.write_text(passwd.read_text().replace("102", "202"))
    assert _expanded(office) == ["bob"]
    office.file("/etc/flags/cy").write_text("")
    assert _expanded(office) == ["bob", "cy"]
    office.apply(PEOPLE)
    assert _expanded(office) == []
    assert [office.file(f"/etc/people/{name}").read_text() for name in NAMES] == [
        "1 101 False\n",
        "1 202 False\n",
        "1 103 True\n",
    ]


def test_a_row_of_an_older_version(office: Bench) -> None:
    """A row that has all of it in its first line is believed, and compared in the same way."""
    for name in NAMES:
        first, props, third = _inputs(office, name).split("\n")
        found = json.loads(first)
        found["signature"] = found.pop("signed")
        _write(office, name, f"{json.dumps(found | json.loads(third))}\n{props}")
    assert _expanded(office) == []
    passwd = office.file("/etc/passwd")
    passwd.write_text(passwd.read_text().replace("102", "202"))
    assert _expanded(office) == ["bob"]


def test_an_older_version_believes_no_row(office: Bench) -> None:
    """An older version, which knows no third line, looks for a signature in the first and finds none."""
    first = json.loads(_inputs(office, "ann").split("\n")[0])
    assert "signature" not in first
    assert "signed" in first


@pytest.mark.parametrize(
    "third", ["{", "[]", "0", '{"owner":1}', '{"signed":"x"}', '{"users":[]}', '{"kind":"other"}', "{} {}", '{"of":3}']
)
def test_a_damaged_line(office: Bench, third: str) -> None:
    """An output whose third line cannot be what was written is made again, and no other one is."""
    first, props, _ = _inputs(office, "bob").split("\n")
    _write(office, "bob", f"{first}\n{props}\n{third}")
    assert _expanded(office) == ["bob"]


def test_a_damaged_first_line(office: Bench) -> None:
    """A damaged first line makes the one output again."""
    _, props, third = _inputs(office, "bob").split("\n")
    for first in ("", "{", "[]", "{}", '{"signed":1}', '{"signed":"x","revisions":[]}'):
        _write(office, "bob", f"{first}\n{props}\n{third}")
        assert _expanded(office) == ["bob"]


def test_rows_of_a_mark() -> None:
    """Only the rows of a record are parsed, all of them; one that is damaged makes all of it unknown."""
    rows = [["a", "k", "", "1"], ["a", "k[", "p", None], ["b", "k", "p", "2"], ["a", "k", 'q","', "3"]]
    props = json.dumps(rows, separators=(",", ":"))
    assert rows_at(props, ['["a","k",']) == [rows[0], rows[3]]
    assert rows_at(props, ['["a","k",', '["b","k",']) == [rows[0], rows[3], rows[2]]
    assert rows_at(props, ['["c","k",']) == []
    assert rows_at(props[:-8], ['["a","k",']) is None
    assert rows_at('[["a","k",1,"2"]]', ['["a","k",']) is None
