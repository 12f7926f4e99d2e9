"""The shipped files of an older version, which an ``esmith init`` replaces."""

from __future__ import annotations

import hashlib

from tests.commands import Root

#: Files of several trees that the older version had otherwise.
_OTHERWISE = (
    "templates/etc/clamd.conf/10general",
    "db/configuration/qpsmtpd.toml",
)
#: A file that only the older version had.
_GONE = "templates/etc/clamd.conf/99older"


def make_older(root: Root) -> None:
    """Let a root be as an older version left it."""
    manifest = root.file("/var/lib/e-smith/shipped")
    lines = dict(line.split("  ", 1)[::-1] for line in manifest.read_text().splitlines())
    names = [
        name
        for name in lines
        if name.startswith(("templates/etc/dovecot", "templates/etc/clamd.conf/", "events/email-update/"))
    ]
    for name in [*names[::3], _GONE]:
        text = f"# {name} of an older version\n"
        path = root.write(f"/etc/e-smith/{name}", text)
        if text and path.exists():
            lines[name] = hashlib.sha256(text.encode()).hexdigest()
    manifest.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items())))
