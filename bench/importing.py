"""``esmith import``: the processor time it takes for the databases of a large server."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

RECORDS = 50_000
SOME = 5_000


def make_files(folder: Path, records: int) -> Path:
    """Write the database files of a made-up server, and return their folder.

    :param records: how many; a fifth of them are users, two fifths pseudonyms, a tenth domains, the rest hosts.
    """
    folder.mkdir()
    users, pseudonyms, domains = records // 5, 2 * records // 5, records // 10
    rows = [
        f"user{n}=user|City|Ottawa|Company|XYZ|EmailForward|local|FirstName|First{n}|ForwardAddress||Gid|{5000 + n}"
        f"|LastName|Last{n}|PasswordSet|yes|Phone|555-5555|Uid|{5000 + n}|VPNClientAccess|no"
        for n in range(users)
    ]
    rows += [
        f"first{n}.last{n}=pseudonym|Account|user{n % users}|Changeable|yes|Removable|yes" for n in range(pseudonyms)
    ]
    _write(folder / "accounts", rows)
    _write(
        folder / "domains",
        [
            f"d{n}.example.com=domain|Content|Primary|Description|Domain {n}|Nameservers|internet"
            for n in range(domains)
        ],
    )
    hosts = range(records - users - pseudonyms - domains)
    _write(
        folder / "hosts",
        [f"www{n}.d{n % domains}.example.com=host|ExternalIP||HostType|Self|static|yes" for n in hosts],
    )
    return folder


def _write(path: Path, rows: list[str]) -> None:
    path.write_text("".join(f"{row}\n" for row in rows))


def seconds(root: Path, files: Path) -> float:
    """Return the processor time of an import into a root, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(root / "sbin/e-smith/esmith"), "import", str(files)]
    environment = {**os.environ, "ESMITH_ROOT": str(root)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
