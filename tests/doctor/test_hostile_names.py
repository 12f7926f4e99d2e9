"""Names that others choose: whatever they hold, what is to be pasted into a shell runs nothing of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from esmith.doctor import mail_dns
from esmith.doctor.finding import Finding, is_host, shown_host
from esmith.services.holders import Holder
from tests.commands import Root
from tests.doctor.kit import bad, make_case
from tests.examples import examples

#: What a name server gives as a name, and what the names of files may be besides.
_SIGNS = "ab1-._ `$(){};|&<>*?!~'\"\\#,\t\x1b\u202e\udcff"
NAMES = st.text(_SIGNS, min_size=1, max_size=12).filter(lambda name: not is_host(name.rstrip(".").lower() or "a"))
SAMPLE = "`{touch,/tmp/pwned}`x.evil.test"


def _pasted(findings: Iterable[Finding]) -> list[str]:
    return [line for finding in findings for line in finding.cure]


def _as_text(name: str) -> str:
    return shown_host(name.rstrip(".").lower())


@given(name=NAMES)
@example(name=SAMPLE)
@settings(max_examples=examples(60), deadline=None)
def test_the_host_of_an_mx(name: str) -> None:
    """An MX that is not the name of a host is shown in quotes, and in no cure."""
    (found,) = mail_dns._mx({("a.test", "MX"): [f"10 {name}."]}, "a.test", "mail.a.test")
    assert _pasted([found]) in ([], ["# publish in the DNS: a.test. IN MX 10 mail.a.test."])
    assert not found.cure or not name.strip(".")
    assert found.cure or _as_text(name) in found.what


@given(name=NAMES)
@example(name=SAMPLE)
@settings(max_examples=examples(60), deadline=None)
def test_the_name_of_an_address(name: str) -> None:
    """A PTR that is not the name of a host is shown in quotes, and in no cure."""
    answers = {"PTR": [f"{name}."]}
    case = SimpleNamespace(resolver=SimpleNamespace(ask=lambda _name, kind: answers.get(kind, [])))
    (found,) = mail_dns._reverse(case, "mail.a.test", "192.0.2.1")  # type: ignore[arg-type]
    assert _pasted([found]) == ["# have your provider set the PTR of 192.0.2.1 to mail.a.test"]
    assert f"({_as_text(name)})" in found.what


@pytest.mark.parametrize("host", [SAMPLE, "mail.a.test\n`x`", "", "a b"])
def test_a_host_that_is_none_is_not_published(host: str) -> None:
    """A name of our own that is none of a host is in no cure, either."""
    case = SimpleNamespace(resolver=SimpleNamespace(ask=lambda _name, _kind: []))
    (found,) = mail_dns._reverse(case, host, "192.0.2.1")  # type: ignore[arg-type]
    assert not found.cure
    assert not mail_dns._publish(SAMPLE, "A")


@given(name=NAMES.filter(lambda name: "\x00" not in name and "/" not in name))
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(name="x;`id`")
def test_a_temporary_file(root: Root, name: str) -> None:
    """A temporary file is one word of the command that removes it."""
    path = f"/home/e-smith/db/.esmith-{name}"
    root.write(path, "x")
    (found,) = bad(make_case(root), "leftovers")
    assert [shlex.split(line) for line in found.cure] == [["rm", "-rf", f"{root.path}{path}"]]
    os.unlink(os.fsencode(root.file(path)))


@given(name=NAMES)
@settings(max_examples=examples(30), deadline=None)
def test_the_unit_of_a_process(name: str) -> None:
    """The unit that a process says it is of is one word of the command that ends it."""
    unit = f"{name}.service"
    assert shlex.split(Holder(25, 1, name, unit, "qpsmtpd").cure) == ["systemctl", "disable", "--now", unit]
