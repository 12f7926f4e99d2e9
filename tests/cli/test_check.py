"""``esmith check``: what it prints and how it exits."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.test_colour import at_a_terminal
from tests.commands import Root

TEMPLATES = "/etc/e-smith/templates"


@pytest.fixture
def checked(root: Root) -> Root:
    """Return a root with three generated files: one with a check, one whose program is missing, one without."""
    program = root.write(
        "/program",
        f"#!{sys.executable} -IS\nimport sys\nif 'bad' in open(sys.argv[1]).read(): sys.exit('line 2: bad')\n",
    )
    program.chmod(0o755)
    for name, metadata in {
        "good.conf": f'check = {{ command = ["{program}", "{{file}}"], package = "good" }}',
        "lost.conf": 'check = { command = ["no-such-program"], package = "lost" }',
        "plain.conf": "",
        "skipped.conf": 'check = { off = "the program is wrong about it" }',
    }.items():
        root.write(f"{TEMPLATES}/etc/x/{name}/template-begin", "# x\n")
        root.write(f"{TEMPLATES}/etc/x/{name}/10text", "text {{ Word | default('') }}\n")
        root.write(f"{TEMPLATES}/etc/x/{name}/template.toml", f"{metadata}\n")
    root.expand(*(f"/etc/x/{name}" for name in ("good.conf", "lost.conf", "plain.conf", "skipped.conf")))
    return root


def test_one_line_a_file(checked: Root) -> None:
    """Each file that has a check gets one line; what could not be checked is reported, and is not a failure."""
    toml = checked.file(f"{TEMPLATES}/etc/x/skipped.conf/template.toml")
    assert checked.esmith("check").out.splitlines() == [
        "/etc/x/good.conf: ok",
        "/etc/x/lost.conf: not checked: no-such-program is not installed (Debian package lost)",
        f"/etc/x/skipped.conf: not checked: its check is off: the program is wrong about it ({toml})",
    ]


def test_a_refused_file_is_explained(checked: Root) -> None:
    """A file that was broken by hand is refused, with exit code 10; there is no fragment to blame then."""
    checked.write("/etc/x/good.conf", "# x\nbad\n")
    answer = checked.esmith("check", "/etc/x/good.conf", code=10)
    assert answer.out == "/etc/x/good.conf: refused: program refuses it\n    line 2: bad\n"


def test_a_refused_file_as_it_was_generated_names_its_fragment(checked: Root) -> None:
    """A file that its program came to dislike later is refused, with the fragment the line comes from."""
    program = checked.file("/program")
    program.write_text(program.read_text().replace("'bad'", "'text'"))
    answer = checked.esmith("check", code=10)
    assert f"    line 2 comes from {checked.file(TEMPLATES)}/etc/x/good.conf/10text" in answer.out.splitlines()


def test_a_file_that_is_named_is_answered_for(checked: Root) -> None:
    """A named file without a check is not called good, and one that is not generated is a mistake."""
    assert checked.esmith("check", "/etc/x/plain.conf").out == (
        "/etc/x/plain.conf: not checked: no check is named that knows this file\n"
    )
    assert "/etc/x/nothing is not a generated file" in checked.esmith("check", "/etc/x/nothing", code=2).err


def test_a_file_that_is_gone_is_not_called_good(checked: Root) -> None:
    """A generated file that was removed by hand is not checked."""
    checked.file("/etc/x/good.conf").unlink()
    assert "/etc/x/good.conf: not checked: it cannot be read (No such file or directory)" in checked.esmith("check").out


def test_json(checked: Root) -> None:
    """--json gives the same as data."""
    checked.write("/etc/x/good.conf", "# x\nbad\n")
    answer = checked.esmith("check", "--json", code=10)
    good, lost, _ = json.loads(answer.out)
    program = str(checked.file("/program"))
    assert good == {
        "path": "/etc/x/good.conf",
        "verdict": "refused",
        "by": program,
        "reason": "program refuses it",
        "lines": ["line 2: bad"],
    }
    assert (lost["verdict"], lost["by"]) == ("not checked", "no-such-program")


def test_it_writes_nothing(checked: Root) -> None:
    """Checking what is installed changes nothing under the root, and adds nothing."""
    before = sorted(checked.path.rglob("*")), checked.snapshot()
    checked.esmith("check")
    assert (sorted(checked.path.rglob("*")), checked.snapshot()) == before


def test_events_say_what_was_not_checked(checked: Root) -> None:
    """signal-event names what was not checked, once a program, on stderr and in --json; without a change nothing."""
    checked.write(
        "/etc/e-smith/events/x-update/templates2expand", "/etc/x/lost.conf\n/etc/x/lost2.conf\n/etc/x/good.conf\n"
    )
    metadata = 'check = { command = ["no-such-program"], package = "lost" }\n'
    checked.write(f"{TEMPLATES}/etc/x/lost2.conf/template.toml", metadata)
    checked.write(f"{TEMPLATES}/etc/x/lost2.conf/10text", "{{ Word | default('') }}\n")
    checked.config("set", "Word", "new")
    answer = checked.signal("--json", "x-update")
    message = "/etc/x/lost.conf, /etc/x/lost2.conf were not checked: no-such-program is not installed"
    assert answer.err.count("no-such-program") == 1
    assert message in answer.err
    data = json.loads(answer.out)
    assert data["checked"] == ["/etc/x/good.conf"]
    assert data["unchecked"] == [f"{message} (Debian package lost)"]
    assert message in checked.read("/var/log/e-smith/events.log")
    assert checked.signal("x-update").err == ""


def test_a_summary_at_a_terminal(checked: Root) -> None:
    """At a terminal the last line has how many files there are of each verdict, and the verdicts are coloured."""
    shown = at_a_terminal(checked, "esmith", "check", err=True).splitlines()
    assert shown[0] == "/etc/x/good.conf: \x1b[32mok\x1b[0m"
    assert shown[-1] == "esmith: 3 files, 1 ok, 2 not checked"
