"""What Text::Template alone makes of a contrib's template: none of the engine is used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.commands import Root
from tests.programs import path_of

#: Expands a directory of fragments, in the order of their names.
_DRIVER = Path(__file__).parent.parent / "fragments/original.pl"
_SECONDS = 30


def by_text_template(root: Root, template: str, scratch: Path, event: str = "") -> bytes:
    """Return what Text::Template alone makes of a contrib's template.

    :param template: the path of the template.
    :param scratch: an empty folder.
    :param event: what $EVENT is.
    """
    for number, fragment in enumerate(_fragments(root, template)):
        shutil.copyfile(fragment, scratch / f"{number:03}")
    records = scratch.with_name(f"{scratch.name}.records")
    records.write_text("".join(f"{line}\n" for line in _records(root)))
    environment = {"PATH": os.defpath, "LC_ALL": "C", "PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}
    words = [path_of("perl"), str(_DRIVER), str(scratch), str(records), *([event] if event else [])]
    done = subprocess.run(words, capture_output=True, env=environment, check=False, timeout=_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _fragments(root: Root, template: str) -> list[Path]:
    """Return the fragments of a template in their order; a begin that it lacks is the one of all."""
    top = root.file("/etc/e-smith/templates")
    place = top / template.lstrip("/")
    if place.is_file():
        return [place]
    names = sorted((path.name for path in place.iterdir() if not path.is_dir()), key=os.fsencode)
    begin = place / "template-begin"
    found = [begin if os.path.lexists(begin) else top / "template-begin"]
    found += [place / name for name in names if name not in ("template-begin", "template-end", "template.toml")]
    found += [place / "template-end"] if "template-end" in names else []
    return [_followed(root, path) for path in found]


def _followed(root: Root, path: Path) -> Path:
    """Return where a link leads that may name a path of the configured system."""
    if path.is_symlink() and os.readlink(path).startswith("/"):
        return root.file(os.readlink(path))
    return path


def _records(root: Root) -> list[str]:
    """Return the configuration as the reference reads it."""
    lines = []
    for record in json.loads(root.config("print", "--json").out):
        words = [word for pair in sorted(record.get("props", {}).items()) for word in pair]
        lines.append("\0".join([record["name"], record["type"], *words]))
    return lines
