"""What a plan changes, shown to people; secrets are not."""

from __future__ import annotations

import pytest

from esmith.plan.diff import describe, diff, diff_all, secrets_before
from esmith.schema.load import Schema
from tests.apply.kit import Bench

SCHEMA = """\
type = "service"
[properties.Password]
type = "secret"
[properties.Port]
"""


def _diff(bench: Bench, path: str) -> list[str]:
    output = bench.one(path)
    with bench.store.snapshot() as snapshot:
        return diff(output, snapshot, Schema(bench.layout))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, "a\nb\n", ["--- /dev/null", "+++ /etc/t", "@@ -0,0 +1,2 @@", "+a", "+b"]),
        ("a\nb\nc\n", "a\nB\nc\n", ["--- /etc/t", "+++ /etc/t", "@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"]),
        ("a\n", "", ["--- /etc/t", "+++ /etc/t", "@@ -1 +0,0 @@", "-a"]),
        ("a", "a\n", ["--- /etc/t", "+++ /etc/t", "@@ -1 +1 @@", "-a (no newline at the end)", "+a"]),
        ("a\n", "a\n", []),
    ],
    ids=["created", "changed", "emptied", "newline added", "unchanged"],
)
def test_unified_diff(bench: Bench, old: str | None, new: str, expected: list[str]) -> None:
    """A change is shown as a unified diff, from the file on the disk to what it becomes."""
    if old is not None:
        bench.foreign("/etc/t", old)
    bench.template("/etc/t", new)
    assert _diff(bench, "/etc/t") == expected


def test_removed(bench: Bench) -> None:
    """A file that goes away is shown as a diff to nothing."""
    bench.foreign("/etc/t", "a\n")
    bench.template("/etc/t", "", 'delete-when = "true"')
    assert _diff(bench, "/etc/t") == ["--- /etc/t", "+++ /dev/null", "@@ -1 +0,0 @@", "-a"]


def test_bytes_that_are_no_text(bench: Bench) -> None:
    """What is not UTF-8 is shown in a form that any terminal takes."""
    bench.file("/etc/t").write_bytes(b"\xe9\n")
    bench.template("/etc/t", "é\n")
    assert _diff(bench, "/etc/t")[-2:] == ["-\\xe9", "+é"]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda _bench: None, "/etc/t: create"),
        (lambda bench: bench.foreign("/etc/t", "x\n"), "/etc/t: replace"),
        (lambda bench: bench.foreign("/etc/t", "text\n", 0o600), "/etc/t: set mode 0644 and owner"),
    ],
    ids=["create", "replace", "mode"],
)
def test_describe(bench: Bench, make: object, line: str) -> None:
    """One line says what happens to an output."""
    assert callable(make)
    make(bench)
    bench.template("/etc/t", "text\n")
    assert describe(bench.one("/etc/t")) == line


@pytest.fixture
def proxy(bench: Bench) -> Bench:
    """Give a root with a record that holds a secret, and a template that prints it."""
    schema = bench.file("/etc/e-smith/db/configuration/proxy.toml")
    schema.write_text(SCHEMA)
    bench.template(
        "/etc/t", "{% if proxy.Password %}\npassword {{ proxy.Password }}\n{% endif %}\nport {{ proxy.Port }}\n"
    )
    return bench


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"Password": "s3cret"}),
        ({"Password": "0ld-s3cret"}, {"Password": "s3cret"}),
        ({"Password": "s3cret"}, {"Password": "s3cret", "Port": "9"}),
        ({"Password": "s3cret"}, {}),
        ({"Password": "s3cret"}, {"Password": ""}),
    ],
    ids=["set", "changed", "another line changed", "deleted", "emptied"],
)
def test_secrets_are_not_shown(proxy: Bench, before: dict[str, str], after: dict[str, str]) -> None:
    """An output that holds or held a secret is named, not shown, whether the secret comes, stays or goes."""
    proxy.set("configuration", "proxy", "service", **{"Port": "1", **before})
    proxy.apply("/etc/t")
    proxy.set("configuration", "proxy", "service", **{"Port": "1", **after})
    (line,) = _diff(proxy, "/etc/t")
    assert line.startswith("/etc/t: ")
    assert "s3cret" not in line


def test_what_holds_no_secret_is_shown(proxy: Bench) -> None:
    """An output that could hold a secret but is made without one is shown."""
    proxy.set("configuration", "proxy", "service", Port="1")
    assert _diff(proxy, "/etc/t")[-1:] == ["+port 1"]


def _leave_out(bench: Bench) -> None:
    """Have a template print the secret once, and then no more, without a look at it."""
    bench.set("configuration", "proxy", "service", Port="1", Password="0ld-s3cret")
    bench.set("configuration", "use", "yes")
    bench.template("/etc/t", "{% if use == 'yes' %}'{{ proxy.Password }}'{% endif %}\nport {{ proxy.Port }}\n")
    bench.apply("/etc/t")
    bench.set("configuration", "use", "no")


def test_a_secret_that_is_not_read_any_more(proxy: Bench) -> None:
    """A file that was made from a secret is only named, also when what it becomes is made without a look at it."""
    _leave_out(proxy)
    assert _diff(proxy, "/etc/t") == ["/etc/t: holds a secret, so its changes are not shown"]


def test_only_what_changes_is_looked_up(proxy: Bench) -> None:
    """Before an install only of what changes it is looked up what it was made from; its diff is only a name then."""
    proxy.template("/etc/u", "{{ proxy.Port }} {{ proxy.Password }}\n")
    _leave_out(proxy)
    proxy.apply("/etc/u")
    plan = proxy.plan("/etc/t", "/etc/u")
    with proxy.store.snapshot() as snapshot:
        before = secrets_before(plan, snapshot, Schema(proxy.layout))
    assert {path: cells for path, (_, cells) in before.items()} == {"/etc/t": {("configuration", "proxy", "Password")}}
    proxy.apply("/etc/t")
    with proxy.store.snapshot() as snapshot:
        shown = list(diff_all(plan, snapshot, Schema(proxy.layout), before))
    assert shown == ["/etc/t: holds a secret, so its changes are not shown"]


def test_a_secret_that_was_there_before_the_install(proxy: Bench) -> None:
    """After the install the file is only named as well: the old content held the secret, now or former."""
    _leave_out(proxy)
    output = proxy.one("/etc/t")
    proxy.set("configuration", "proxy", "service", Port="1")
    proxy.apply("/etc/t")
    with proxy.store.snapshot() as snapshot:
        assert diff(output, snapshot, Schema(proxy.layout)) == ["/etc/t: holds a secret, so its changes are not shown"]


def test_a_file_of_somebody_else_that_holds_a_secret(proxy: Bench) -> None:
    """A file that e-smith did not make is only named where it holds a secret, and shown otherwise."""
    proxy.set("configuration", "proxy", "service", Port="1", Password="s3cret")
    proxy.template("/etc/t", "port\n")
    proxy.foreign("/etc/t", "with s3cret\n")
    assert _diff(proxy, "/etc/t") == ["/etc/t: holds a secret, so its changes are not shown"]
    proxy.foreign("/etc/t", "with nothing\n")
    assert _diff(proxy, "/etc/t")[-2:] == ["-with nothing", "+port"]
