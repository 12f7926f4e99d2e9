"""Settings that name records: a hint when the record is not there."""

from __future__ import annotations

import pytest

from tests.commands import Root

HINTS = {
    "pseudonym": (("accounts", "set", "info", "pseudonym", "Account", "ghost"), ["'ghost'"]),
    "members": (("accounts", "setprop", "group1", "Members", "tom, ghost,group2,x@y.z"), ["'ghost'", "'group2'"]),
    "group": (("accounts", "setprop", "group1", "EmailExcludeGroups", "tom"), ["'tom'"]),
    "forward": (("accounts", "setprop", "tom", "ForwardAddress", "jack tom-x,ghost me@x.y"), ["'ghost'"]),
    "domain": (("domains", "setprop", "test.com", "EmailTo", "ghost"), ["'ghost'"]),
    "domain-to-an-alias": (("domains", "setprop", "test.com", "EmailTo", "alias-lists"), []),
    "unknown-names": (("configuration", "set", "EmailUnknownUser", "ghost"), ["'ghost'"]),
    "unknown-names-refused": (("configuration", "set", "EmailUnknownUser", "returntosender"), []),
    "double-bounces": (("configuration", "setprop", "qmail", "DoubleBounceTo", "ghost"), ["'ghost'"]),
    "double-bounces-to-an-address": (("configuration", "setprop", "qmail", "DoubleBounceTo", "a@b.c"), []),
    "copies": (("configuration", "setprop", "qpsmtpd", "BccUser", "ghost"), ["'ghost'"]),
    "all-there": (("accounts", "setprop", "sales", "Account", "group1"), []),
}


@pytest.mark.parametrize(("words", "names"), HINTS.values(), ids=HINTS)
def test_a_name_of_nobody_is_hinted_at(office: Root, words: tuple[str, ...], names: list[str]) -> None:
    """The setting is stored as given, and a hint on standard error names each account that there is not."""
    answer = office.db(*words)
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert len(lines) == len(names)
    for line, name in zip(lines, names, strict=True):
        assert f"has no record {name} of type" in line
        assert "(stored as given)" in line


def test_the_order_of_commands_does_not_matter(office: Root) -> None:
    """A record may name one that is made afterwards, and one may name itself; ``--force`` gives no hint."""
    assert "'mary'" in office.db("accounts", "set", "team", "group", "Members", "mary").err
    assert office.db("accounts", "set", "mary", "user", "Uid", "6001", "ForwardAddress", "mary").err == ""
    assert office.db("accounts", "setprop", "team", "Members", "mary").err == ""
    assert office.run("db", "--force", "accounts", "setprop", "team", "Members", "ghost").err == ""


def test_another_type_means_another_record(office: Root) -> None:
    """settype, which makes what is stored mean something else, hints at the same names as set and setprop."""
    office.db("accounts", "set", "info", "other", "Account", "ghost")
    assert (
        "accounts info Account: accounts has no record 'ghost' of type"
        in office.db("accounts", "settype", "info", "pseudonym").err
    )
    assert office.db("accounts", "settype", "sales", "pseudonym").err == ""
    assert "'ghost'" in office.db("configuration", "settype", "EmailUnknownUser", "ghost").err
