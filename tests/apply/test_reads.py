"""Whether what an output read is as it was: all cases of what is read, and of what changes beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.apply.kit import Bench

PATH = "/etc/t"
Change = Callable[[Bench], object]


def _accounts(bench: Bench, *lines: str) -> None:
    bench.file("/etc/passwd").write_text("".join(f"{line}\n" for line in ("root:x:0:0::/root:/bin/sh", *lines)))


def _both(bench: Bench) -> None:
    bench.set("domains", "other", "domain")
    bench.set("configuration", "other", "service")


TOM = "tom:x:5001:5001::/home/tom:/bin/sh"

#: What the template reads, each with changes of which it sees nothing and changes that it sees.
CASES: dict[str, tuple[str, dict[str, Change], dict[str, Change]]] = {
    "a property": (
        "{{ clamd.status | default('') }}",
        {
            "the same value": lambda bench: bench.set("configuration", "clamd", "service", status="on", other="1"),
            "another property": lambda bench: bench.set("configuration", "clamd", "service", status="on", other="2"),
            "another record": lambda bench: bench.set("configuration", "spamd", "service", status="off"),
            "another database": lambda bench: bench.set("domains", "clamd", "domain", status="off"),
        },
        {
            "another value": lambda bench: bench.set("configuration", "clamd", "service", status="off", other="1"),
            "no property": lambda bench: bench.set("configuration", "clamd", "service", other="1"),
            "no record": lambda bench: bench.delete("configuration", "clamd"),
        },
    ),
    "a property that is missing": (
        "{{ clamd.none | default('') }}",
        {"still missing": lambda bench: bench.set("configuration", "clamd", "service", status="off")},
        {"an empty value": lambda bench: bench.set("configuration", "clamd", "service", status="on", none="")},
    ),
    "two databases": (
        "{{ clamd.status }} {{ db.domains.main.owner }}",
        {"both have a revision": _both},
        {
            "the second": lambda bench: bench.set("domains", "main", "domain", owner="zoe"),
            "the first": lambda bench: bench.set("configuration", "clamd", "service", status="off"),
        },
    ),
    "the records of a type": (
        "{% for user in records('accounts:user') %}{{ user.key }}{% endfor %}",
        {
            "a record of another type": lambda bench: bench.set("accounts", "staff", "group"),
            "a property that is not read": lambda bench: bench.set("accounts", "ann", "user", City="Ulm"),
            "a record of another database": lambda bench: bench.set("domains", "max", "user"),
        },
        {
            "one more": lambda bench: bench.set("accounts", "max", "user"),
            "one less": lambda bench: bench.delete("accounts", "ann"),
            "one of another type": lambda bench: bench.set("accounts", "ann", "group"),
        },
    ),
    "the properties of a record": (
        "{% for name, value in db.wbl.hosts | properties %}{{ name }}={{ value }}{% endfor %}",
        {
            "another record": lambda bench: bench.set("wbl", "senders", "list", a="1"),
            "the same": lambda bench: bench.set("wbl", "hosts", "list", a="1"),
        },
        {
            "one more": lambda bench: bench.set("wbl", "hosts", "list", a="1", b="2"),
            "one less": lambda bench: bench.set("wbl", "hosts", "list"),
            "another name": lambda bench: bench.set("wbl", "hosts", "list", b="1"),
            "another value": lambda bench: bench.set("wbl", "hosts", "list", a="2"),
            "no record": lambda bench: bench.delete("wbl", "hosts"),
        },
    ),
    "a file": (
        "{{ read('/etc/motd') | default('') }}",
        {"another file": lambda bench: bench.file("/etc/issue").write_text("x")},
        {
            "another text": lambda bench: bench.file("/etc/motd").write_text("longer than before"),
            "no file": lambda bench: bench.file("/etc/motd").unlink(),
        },
    ),
    "the files of a pattern": (
        "{{ glob('/etc/conf.d/*') | join(' ') }}",
        {
            "one outside": lambda bench: bench.file("/etc/conf").write_text(""),
            "another text": lambda bench: bench.file("/etc/conf.d/a").write_text("x"),
        },
        {
            "one more": lambda bench: bench.file("/etc/conf.d/b").write_text(""),
            "one less": lambda bench: bench.file("/etc/conf.d/a").unlink(),
        },
    ),
    "an account": (
        "{{ passwd('tom').uid | default('') }}",
        {"another account": lambda bench: _accounts(bench, TOM, "ann:x:5002:5002::/home/ann:/bin/sh")},
        {
            "another number": lambda bench: _accounts(bench, TOM.replace("x:5001", "x:5003")),
            "another group": lambda bench: _accounts(bench, TOM.replace(":5001:", ":5003:", 1)),
            "another home": lambda bench: _accounts(bench, TOM.replace("/home", "/users")),
            "another shell": lambda bench: _accounts(bench, TOM.replace("/bin/sh", "/bin/false")),
            "no account": lambda bench: _accounts(bench),
        },
    ),
}
UNSEEN = {
    f"{what}: {name}": (text, change) for what, (text, unseen, _) in CASES.items() for name, change in unseen.items()
}
SEEN = {f"{what}: {name}": (text, change) for what, (text, _, seen) in CASES.items() for name, change in seen.items()}


@pytest.fixture
def office(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root with everything that the templates read."""
    # What is younger than a second is not trusted, which would make every test wait.
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    bench.set("configuration", "clamd", "service", status="on", other="1")
    bench.set("domains", "main", "domain", owner="ann")
    bench.set("accounts", "ann", "user")
    bench.set("wbl", "hosts", "list", a="1")
    bench.file("/etc/motd").write_text("hello")
    bench.file("/etc/conf.d/a").write_text("")
    bench.file("/etc/group").write_text("root:x:0:\n")
    _accounts(bench, TOM)
    return bench


def _is_recalled(office: Bench, text: str, change: Change) -> bool:
    """Install an output, change something, and return whether the output is recalled then."""
    office.template(PATH, f"{text}\n")
    office.apply(PATH)
    assert office.one(PATH).rendering.recalled
    change(office)
    return office.one(PATH).rendering.recalled


@pytest.mark.parametrize(("text", "change"), UNSEEN.values(), ids=UNSEEN.keys())
def test_what_is_not_read_may_change(office: Bench, text: str, change: Change) -> None:
    """An output is recalled whatever changes besides what it read, also in the databases it read from."""
    assert _is_recalled(office, text, change)


@pytest.mark.parametrize(("text", "change"), SEEN.values(), ids=SEEN.keys())
def test_what_is_read_may_not(office: Bench, text: str, change: Change) -> None:
    """An output is expanded again when something it read changed, appeared or went away."""
    assert not _is_recalled(office, text, change)
