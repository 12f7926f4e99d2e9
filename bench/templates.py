"""``expand-template`` with many fragments, and the events of the mail server."""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from bench import roots
from bench.measuring import Task
from bench.rows import Figures
from bench.settings import KEY
from bench.workshop import Measured, Workshop

FRAGMENTS = 30
TEMPLATE = "/etc/bench.conf"
#: Files of qpsmtpd show it.
CHANGED = "LogLevel"
_ROUNDS = 5
#: The calls by which files are made durable.
_SYNCS = "fsync,fdatasync,sync,syncfs"


def changing(shop: Workshop, root: Path, flat: Path | None = None) -> Callable[[], None]:
    """Return a function that gives a property another value each time, and waits until nothing of the root is new.

    :param flat: the original's database, which gets the same value.
    """
    values = itertools.cycle(range(1, 8))

    def change() -> None:
        value = str(next(values))
        roots.do(root, "config", "setprop", KEY, CHANGED, value)
        if shop.original and flat is not None:
            shop.original.task(flat, "setprop", KEY, CHANGED, value)()
        time.sleep(roots.SETTLING_SECONDS)

    return change


def measure_fragments(shop: Workshop) -> Measured:
    """Measure the expansion of a template with thirty fragments, when nothing or one of them changed."""
    root = shop.root("settings")
    flat = shop.flat_file(root, "configuration")
    ours = root / "etc/e-smith/templates-custom" / TEMPLATE.lstrip("/")
    theirs = shop.folder / "original" / Path(TEMPLATE).name
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
    (ours / "template.toml").write_text("services = []\n")
    for number in range(FRAGMENTS):
        name, prop = f"{number:02}part", CHANGED if number == FRAGMENTS - 1 else "DNSBL"
        lines = f"# Part {number}\n" + "option value\n" * 5
        (ours / name).write_text(f"{lines}{prop} = {{{{ {KEY}.{prop} }}}}\n")
        (theirs / name).write_text(f"{lines}{prop} = {{ ${KEY}{{{prop}}} }}\n")
    output = shop.folder / "original-outputs"
    output.mkdir()
    expand = shop.command(root, "expand-template", TEMPLATE)
    original = shop.original.task(flat, "expand", str(theirs), str(output / theirs.name)) if shop.original else None
    for _ in range(2):
        expand()
        time.sleep(roots.SETTLING_SECONDS)
    yield "expand-unchanged", shop.compare(expand, original)
    # The flat file is changed by the turn of the original, so that both have something to do.
    change = changing(shop, root, flat)
    yield "expand-changed", shop.compare(shop.prepared(change, expand), original, _ROUNDS)


def measure_events(shop: Workshop) -> Measured:
    """Measure the events of the mail server."""
    root = shop.root("event")
    flat = shop.flat_file(root, "configuration")
    yield "event-first", _first_event(shop, root)
    roots.settle(root, roots.EVENT, roots.TEMPLATES_EVENT)
    templates = shop.command(root, "signal-event", roots.TEMPLATES_EVENT)
    event = shop.command(root, "signal-event", roots.EVENT)
    yield "event-templates-unchanged", shop.compare(templates)
    yield "event-unchanged", shop.compare(event)
    change = changing(shop, root, flat)
    yield "event-changed", shop.compare(shop.prepared(change, event), _original_event(shop, root, flat), _ROUNDS)


def _first_event(shop: Workshop, root: Path) -> Figures:
    """Signal the event in one new root to measure it, and in another to count its calls.

    Without strace nothing is counted.
    """
    figures = shop.compare(shop.command(root, "signal-event", roots.EVENT), rounds=1)
    (last, *_) = json.loads(roots.do(root, "esmith", "generations", "--json"))
    figures["files"] = len(last["files"])
    if strace := shutil.which("strace"):
        traced = shop.root("traced")
        report = shop.folder / "strace"
        argv = [strace, "-f", "-c", "-e", f"trace={_SYNCS}", "-o", str(report)]
        shop.runner.run(
            [*argv, *roots.words_of(traced, "signal-event", roots.EVENT)], variables=roots.variables_of(traced)
        )
        figures["syncs"] = count_calls(report.read_text())
    return figures


def count_calls(report: str) -> int:
    """Return how many calls of :data:`_SYNCS` there were, from what ``strace -c`` printed."""
    lines = [line.split() for line in report.splitlines()]
    return sum(int(words[3]) for words in lines if words and words[-1] in _SYNCS.split(","))


def _original_event(shop: Workshop, root: Path, flat: Path) -> Task | None:
    """Return a task that expands, as the original does, as many templates and fragments as the event has."""
    if shop.original is None:
        return None
    templates, outputs = shop.folder / "original-event", shop.folder / "original-event-outputs"
    outputs.mkdir()
    make_perl_templates(root, templates)
    return shop.original.task(flat, "event", str(templates), str(outputs))


def make_perl_templates(root: Path, folder: Path) -> None:
    """Make a directory of fragments in Perl for each shipped template of email-update.

    Each fragment has the plain lines of ours, and where ours reads settings, one expression that reads one.
    """
    shipped = root / "etc/e-smith/templates"
    lines = (root / "etc/e-smith/events" / roots.EVENT / "templates2expand/LIST").read_text().splitlines()
    patterns = [re.sub(r"\{\w+\}", "*", line.strip()) for line in lines if line.startswith("/")]
    for directory in sorted(path for path in shipped.rglob("*") if path.is_dir()):
        path = f"/{directory.relative_to(shipped)}"
        fragments = [file for file in directory.iterdir() if file.is_file() and file.name != "template.toml"]
        if not fragments or not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns):
            continue
        target = folder / path.strip("/").replace("/", ",").replace("{", "").replace("}", "")
        target.mkdir(parents=True)
        for fragment in fragments:
            text = fragment.read_text(errors="replace")
            plain = "".join(f"{line}\n" for line in text.splitlines() if not set("{}\\") & set(line))
            expression = f"{{ ${KEY}{{{CHANGED}}} }}\n" if "{" in text else ""
            (target / fragment.name).write_text(plain + expression)
