"""An event expands only what may have changed; what it leaves out is exactly what is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.apply.kit import Bench, look

PATH = "/etc/t"
FRAGMENT = """\
{{ clamd.status }}
{% for user in records('accounts:user') %}
{{ user.key }}
{% endfor %}
{% for name, value in db.spamassassin['wbl.global'] | properties %}
{{ name }} {{ value }}
{% endfor %}
{{ exists('/etc/flag') }} {{ read('/etc/motd') | default('none') }} {{ glob('/etc/conf.d/*') | join(' ') }}
{{ passwd('tom').uid | default('none') }}
{{ template('/part') }}
{% for name, value in db.wbl['hosts'] | properties %}
{{ name }} {{ value }}
{% endfor %}
"""


@pytest.fixture
def office(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root whose template reads everything that can be read, expanded once and remembered."""
    # What is younger than a second is not trusted, which would make every test wait.
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    bench.set("configuration", "clamd", "service", status="enabled", other="1")
    bench.set("accounts", "zoe", "user")
    bench.set("hosts", "www", "host")
    bench.set("wbl", "hosts", "list", known="White")
    bench.set("spamassassin", "wbl.global", "list")
    bench.file("/etc/conf.d/a").write_text("")
    bench.file("/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    bench.file("/etc/group").write_text("root:x:0:\n")
    bench.trees.standard("/etc/template.toml", 'services = ["clamd"]\n')
    bench.template(PATH, FRAGMENT)
    bench.trees.standard("/part/template-begin")
    bench.trees.standard("/part/10a", "part\n")
    bench.apply(PATH)
    return bench


def _is_recalled(bench: Bench) -> bool:
    return bench.one(PATH).rendering.recalled


def test_what_has_not_changed_is_not_expanded_again(office: Bench) -> None:
    """An output of which nothing changed is recalled; so it is after changes to what it does not read."""
    assert _is_recalled(office)
    office.set("configuration", "clamd", "service", status="enabled", other="2")
    office.set("configuration", "spamd", "service", status="enabled")
    office.set("accounts", "staff", "group")
    office.set("hosts", "ftp", "host")
    office.file("/etc/unrelated").write_text("x\n")
    assert _is_recalled(office)
    assert office.apply(PATH) == []


def test_nothing_is_recalled_that_was_not_remembered(office: Bench) -> None:
    """An output of another template is expanded, whatever is remembered of this one."""
    office.template("/etc/other", "x\n")
    assert not office.one("/etc/other").rendering.recalled


CHANGES: dict[str, list[Callable[[Bench], object]]] = {
    "property": [lambda bench: bench.set("configuration", "clamd", "service", status="disabled")],
    "property gone": [lambda bench: bench.set("configuration", "clamd", "service", status="")],
    "new property of a list": [lambda bench: bench.set("wbl", "hosts", "list", known="White", more="White")],
    "property of a list gone": [lambda bench: bench.set("wbl", "hosts", "list")],
    "property of a record whose properties are listed": [
        lambda bench: bench.set("spamassassin", "wbl.global", "list", **{"a@b.org": "Black"}),
    ],
    "new record": [lambda bench: bench.set("accounts", "max", "user")],
    "record of another type": [lambda bench: bench.set("accounts", "zoe", "group")],
    "deleted record": [lambda bench: bench.delete("accounts", "zoe")],
    "file made": [lambda bench: bench.file("/etc/flag").write_text("x")],
    "file written": [lambda bench: bench.file("/etc/motd").write_text("hello")],
    "pattern matches more": [lambda bench: bench.file("/etc/conf.d/b").write_text("")],
    "pattern matches less": [lambda bench: bench.file("/etc/conf.d/a").unlink()],
    "account made": [lambda bench: bench.file("/etc/passwd").write_text("tom:x:5001:5001::/home/tom:/bin/sh\n")],
    "fragment": [lambda bench: bench.trees.standard(f"{PATH}/10a", "another\n")],
    "new fragment": [lambda bench: bench.trees.standard(f"{PATH}/20b", "more\n")],
    "custom fragment": [lambda bench: bench.trees.custom(f"{PATH}/10a", "custom\n")],
    "custom file": [lambda bench: bench.trees.custom(PATH, "custom\n")],
    "masked": [lambda bench: bench.trees.custom(f"{PATH}/10a", "")],
    "masked by a link": [
        lambda bench: bench.trees.place("templates-custom", f"{PATH}/10a").symlink_to("/dev/null"),
    ],
    "own header gone": [
        lambda bench: bench.trees.standard("/template-begin", "#\n"),
        lambda bench: bench.trees.place("templates", f"{PATH}/template-begin").unlink(),
    ],
    "footer of a parent": [lambda bench: bench.trees.standard("/etc/template-end", "end\n")],
    "included template": [lambda bench: bench.trees.standard("/part/10a", "another part\n")],
    "included template, custom": [lambda bench: bench.trees.custom("/part/20b", "more part\n")],
    "included template gone": [
        lambda bench: bench.trees.standard(f"{PATH}/10a", "without\n"),
        lambda bench: bench.trees.place("templates", "/part/10a").unlink(),
        lambda bench: bench.trees.place("templates", "/part/template-begin").unlink(),
    ],
    "filter": [lambda bench: bench.trees.standard(f"{PATH}/template.toml", 'filter = ["no-blank-lines"]\n')],
    "mode of a parent": [lambda bench: bench.trees.custom("/etc/template.toml", 'mode = "0600"\n')],
    "engine": [lambda bench: bench.trees.standard(f"{PATH}/template.toml", 'engine = "text"\n')],
    "removed by a condition": [lambda bench: bench.trees.custom("/template.toml", 'delete-when = "true"\n')],
    "output edited": [lambda bench: bench.file(PATH).write_text("edited\n")],
    "output removed": [lambda bench: bench.file(PATH).unlink()],
    "output's mode": [lambda bench: bench.file(PATH).chmod(0o600)],
    "output a link": [
        lambda bench: bench.file(PATH).rename(bench.file("/etc/x")),
        lambda bench: bench.file(PATH).symlink_to("x"),
    ],
}


@pytest.mark.parametrize("steps", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_shows(office: Bench, steps: list[Callable[[Bench], object]]) -> None:
    """After any change to what an output is made of, or to the output, the event makes what a first event would."""
    for step in steps:
        step(office)
    assert not _is_recalled(office)
    office.apply(PATH)
    recalling = look(office.file(PATH))
    if recalling is not None:
        office.file(PATH).unlink()
    office.apply(PATH)
    assert look(office.file(PATH)) == recalling


@pytest.mark.parametrize("steps", CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_is_remembered_in_its_turn(office: Bench, steps: list[Callable[[Bench], object]]) -> None:
    """After the event that followed a change, there is nothing left to do."""
    for step in steps:
        step(office)
    office.apply(PATH)
    assert office.apply(PATH) == []


def test_what_is_too_young_is_not_trusted(bench: Bench) -> None:
    """What was written just before it was read is expanded again: another change in that moment would look the same."""
    bench.template(PATH, "one\n")
    bench.apply(PATH)
    assert not _is_recalled(bench)
    place = bench.trees.place("templates", f"{PATH}/10a")
    status = place.stat()
    with open(place, "r+") as file:
        file.write("two\n")
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert bench.apply(PATH) == [f"{PATH}: replace"]


def test_warnings_are_recalled_too(office: Bench) -> None:
    """An output that warned the administrator warns again, whether it is expanded or recalled."""
    office.template("/etc/w", "{{ warn('careful') }}\n")
    office.apply("/etc/w")
    plan = office.plan("/etc/w")
    assert plan.outputs[0].rendering.recalled
    assert plan.warnings == ["/etc/w: careful"]


def test_secrets_are_not_written_down_again(office: Bench) -> None:
    """What is remembered of an output holds no value that it read."""
    office.set("configuration", "proxy", "service", Password="s3cret-value")
    office.template("/etc/p", "{{ proxy.Password }}\n")
    office.apply("/etc/p")
    with office.store.snapshot() as snapshot:
        rows = b"".join(row for _, row in snapshot.states("outputs"))
    assert b"clamd" in rows
    assert b"s3cret-value" not in rows


KEYS = "/etc/keys/{key}"


def test_keys_are_made_again_only_when_what_they_are_made_of_changed(office: Bench) -> None:
    """Outputs of a template with "outputs" are recalled all or none: a key that comes or goes is noticed."""
    text = "{% for user in records('accounts:user') %}{{ user.key }}\\n{% endfor %}"
    office.trees.standard(f"{KEYS}/template.toml", f'outputs = "{text}"\n')
    office.trees.standard(f"{KEYS}/10key", "{{ key }}\n")
    assert office.apply(KEYS) == ["/etc/keys/zoe: create"]
    assert [output.rendering.recalled for output in office.plan(KEYS).outputs] == [True]
    office.set("accounts", "max", "user")
    assert office.apply(KEYS) == ["/etc/keys/max: create"]
    assert [output.rendering.recalled for output in office.plan(KEYS).outputs] == [True, True]
    office.delete("accounts", "zoe")
    assert office.apply(KEYS) == ["/etc/keys/zoe: remove"]
    office.file("/etc/keys/max").write_text("edited\n")
    assert office.apply(KEYS) == ["/etc/keys/max: replace"]


def test_what_is_left_to_its_owner_is_recalled_too(office: Bench) -> None:
    """An output that skip-when leaves alone is asked for again only when what the condition looks at changed."""
    office.template("/etc/mine", "x\n", "skip-when = \"exists('/etc/mine')\"")
    office.file("/etc/mine").write_text("own\n")
    assert not office.one("/etc/mine").rendering.recalled
    assert office.apply("/etc/mine") == []
    assert office.one("/etc/mine").rendering.recalled
    office.file("/etc/mine").write_text("changed by its owner\n")
    assert office.apply("/etc/mine") == []
    office.file("/etc/mine").unlink()
    assert office.apply("/etc/mine") == ["/etc/mine: create"]


def test_what_is_left_to_its_owner_stays_when_its_record_goes(office: Bench) -> None:
    """A file of somebody else at the place of an output is not removed with the record; what the engine made is."""
    office.trees.standard("/etc/of/{key}/template-begin")
    office.trees.standard("/etc/of/{key}/10a", "x\n")
    toml = 'foreach = "accounts:user"\nskip-when = "exists(\'/etc/of/\' ~ record.key)"\n'
    office.trees.standard("/etc/of/{key}/template.toml", toml)
    office.set("accounts", "ann", "user")
    office.file("/etc/of").mkdir()
    office.file("/etc/of/ann").write_text("own\n")
    assert office.apply("/etc/of/{key}") == ["/etc/of/zoe: create"]
    assert office.apply("/etc/of/{key}") == []
    assert [output.rendering.recalled for output in office.plan("/etc/of/{key}").outputs] == [True, True]
    for name in ("ann", "zoe"):
        office.delete("accounts", name)
    assert office.apply("/etc/of/{key}") == ["/etc/of/zoe: remove"]
    assert office.file("/etc/of/ann").read_text() == "own\n"
    assert office.plan("/etc/of/{key}").outputs == []


@pytest.mark.parametrize("owner", ["7", "tom"])
def test_owners_by_number_and_by_name_are_recalled(office: Bench, owner: str) -> None:
    """An output is recalled also when its owner is given as a number, as the group of a .qmail file is."""
    for path in ("/etc/passwd", "/etc/group"):
        text = office.file(path).read_text()
        office.file(path).write_text(text + ("tom:x:8:8::/:/bin/sh\n" if path == "/etc/passwd" else "tom:x:8:\n"))
    office.template("/etc/own", "x\n", f'owner = "{owner}"\ngroup = "{owner}"')
    office.apply("/etc/own")
    assert office.one("/etc/own").rendering.recalled
