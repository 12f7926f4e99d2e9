"""``esmith services`` and ``esmith status`` with services that files define."""

from __future__ import annotations

import json

from tests.commands import Root


def test_the_definition_names_the_record(root: Root) -> None:
    """A service of another name than its record is shown, wanted as that record says."""
    root.write("/etc/e-smith/services/virus/service.toml", 'record = "clamd"\n')
    root.write("/service/virus/run", "#!/bin/sh\n", mode=0o755)
    assert root.esmith("services").out == "service virus: wanted up, is not supervised\n"
    root.config("setprop", "clamd", "status", "disabled")
    assert json.loads(root.esmith("services", "--json").out) == {"virus": {"wanted": "down", "state": "not supervised"}}


def test_a_broken_definition_hides_no_other_service(root: Root) -> None:
    """A mistake in a service.toml is shown in the place of that service's state; the others are shown as ever."""
    root.write("/etc/e-smith/services/clamd/service.toml", "record = 1\n")
    for name in ("clamd", "spamd"):
        root.write(f"/service/{name}/run", "#!/bin/sh\n", mode=0o755)
    clamd, spamd = root.esmith("services").out.splitlines()
    assert clamd.startswith("service clamd: wanted up, is not looked at: ")
    assert clamd.endswith("/services/clamd/service.toml record must be a string that is not empty, not 1")
    assert spamd == "service spamd: wanted up, is not supervised"
    assert clamd in root.esmith("status", "-v", code=None).out.splitlines()


def test_the_file_about_all_may_be_broken(root: Root) -> None:
    """A mistake in what holds for all services is shown at each of them."""
    root.write("/etc/e-smith/services-custom/service.toml", "[probe]\nprt = 1\n")
    lines = root.esmith("services").out.splitlines()
    assert len(lines) > 10
    assert all("services-custom/service.toml [probe] unknown key 'prt'" in line for line in lines)
