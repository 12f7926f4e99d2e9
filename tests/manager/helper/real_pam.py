"""Asks the real PAM about accounts of a passwd(5) and a shadow(5) of the test; run in a mount namespace of its own.

It prints a word for each question that has the right answer, and ends with 1 at the first that has not.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from esmith.manager.helper.login import _ask_pam

#: "right" as crypt(3) writes it, SHA-512.
_HASH = subprocess.run(
    ["openssl", "passwd", "-6", "-salt", "saltsalt", "right"], capture_output=True, text=True, check=True
).stdout.strip()
_ACCOUNTS = {"good": _HASH, "locked": f"!{_HASH}", "expired": _HASH, "empty": ""}
_RULES = "auth required pam_unix.so nullok nodelay\naccount required pam_unix.so\n"


def _put_over(place: Path, path: str, text: str) -> None:
    file = place / path.strip("/").replace("/", "-")
    file.write_text(text)
    file.chmod(0o600 if "shadow" in path else 0o644)
    if subprocess.run(["mount", "--bind", str(file), path], check=False).returncode:
        print("cannot be mounted")
        raise SystemExit(2)


def _expect(word: str, account: str, password: str, answer: bool) -> None:
    if _ask_pam(account, password, "192.0.2.7") is not answer:
        print(f"{word}: PAM does not say {answer}", file=sys.stderr)
        raise SystemExit(1)
    print(word, flush=True)


def main(place: Path) -> None:
    """Ask."""
    users = "".join(f"{name}:x:{6000 + number}:6000::/:/bin/false\n" for number, name in enumerate(_ACCOUNTS))
    words = "".join(
        f"{name}:{word}:19000:0:99999:7::{'19001' if name == 'expired' else ''}:\n" for name, word in _ACCOUNTS.items()
    )
    _put_over(place, "/etc/passwd", Path("/etc/passwd").read_text() + users)
    _put_over(place, "/etc/shadow", Path("/etc/shadow").read_text() + words)
    rules = place / "pam.d"
    rules.mkdir()
    (rules / "other").write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
    (rules / "server-manager").write_text(_RULES)
    subprocess.run(["mount", "--bind", str(rules), "/etc/pam.d"], check=True)
    _expect("good", "good", "right", True)
    _expect("wrong", "good", "wrong", False)
    _expect("locked", "locked", "right", False)
    _expect("expired", "expired", "right", False)
    _expect("unknown", "nobody-of-this-name", "right", False)
    _expect("empty", "empty", "", False)
    (rules / "server-manager").unlink()
    _expect("no-file", "good", "right", False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
