"""Following the journal: what one host changes, the others have."""

from __future__ import annotations

import pytest

from tests.fleet.agent.kit import Fleet, changed

pytestmark = pytest.mark.program("etcd")


def test_a_change_of_one_host_is_on_the_other(fleet: Fleet) -> None:
    """What a command changes on one host, the other one has, with who changed it and the fleet revision."""
    a, b = fleet.hosts
    a.start()
    b.start()
    a.wait(3)
    assert a.commit(changed("enabled"))["outcome"] == "accepted"
    b.wait(4)
    a.wait(4)
    for host in (a, b):
        assert host.prop("configuration", "qpsmtpd", "DNSBL") == "enabled"
        assert host.history()[0] == "alice@a config setprop qpsmtpd DNSBL enabled (fleet 4)"
    assert b.end() == 0
