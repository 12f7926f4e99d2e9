"""A signal that ends a command: what it has begun is taken back, and what it started is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Root
from tests.events.kit import eventually, make_event, start

NUMBERS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
OUTPUT = "/etc/own/new.conf"
#: Starts a process of its own, says the numbers of both, and does not end by itself before a minute.
HOLD = """\
sleep 60 &
echo "$$ $!" >"$ESMITH_ROOT/numbers.new"
mv "$ESMITH_ROOT/numbers.new" "$ESMITH_ROOT/numbers"
wait
"""
#: The same for a fragment.
FRAGMENT = (
    '{ open(my $f, ">", "NUMBERS.new"); print $f $$; close $f; rename("NUMBERS.new", "NUMBERS"); sleep 60; "" }\n'
)


def numbers(root: Root) -> list[int]:
    """Return the processes whose numbers are in the file that they write."""
    return [int(word) for word in root.read("/numbers").split()] if root.file("/numbers").exists() else []


def runs(process: int) -> bool:
    """Return whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def end(root: Root, number: signal.Signals, errors: Path, program: str, *words: str) -> str:
    """Start a command, end it when what it has started runs, and return what it printed to stderr."""
    process = start(root, program, *words, errors=errors)
    eventually(lambda: numbers(root), "it runs")
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    eventually(lambda: not any(map(runs, numbers(root))), "what it started has ended")
    text = errors.read_text()
    assert "Traceback" not in text
    assert text.rstrip().endswith(f"{program}: ended by {number.name}")
    assert list(root.path.rglob(".esmith-*")) == []
    assert root.esmith("recover").out == "nothing was left undone\n"
    return text


def sleeping(root: Root) -> str:
    """Return a fragment that does not end by itself."""
    return FRAGMENT.replace("NUMBERS", str(root.path / "numbers"))


@pytest.fixture
def holding(root: Root) -> Root:
    """Return a root with an event that installs a new text and then waits."""
    root.write(f"/etc/e-smith/templates{OUTPUT}", "new\n")
    root.write(OUTPUT, "old\n")
    make_event(root.path, "hold", templates=f"{OUTPUT}\n", actions={"S50hold": HOLD})
    return root


@pytest.mark.parametrize("number", NUMBERS)
def test_an_event(holding: Root, tmp_path: Path, number: signal.Signals) -> None:
    """A signal to an event restores its files, and ends its action with what that has started."""
    text = end(holding, number, tmp_path / "errors", "signal-event", "hold")
    assert "the old content of 1 file was restored" in text
    assert holding.read(OUTPUT) == "old\n"


def test_an_event_in_an_event(holding: Root, tmp_path: Path) -> None:
    """A signal to an event ends the event that its action has signalled, and restores the files of both."""
    make_event(holding.path, "outer", templates="/etc/own/outer.conf\n", actions={"S50inner": "signal-event hold"})
    holding.write("/etc/e-smith/templates/etc/own/outer.conf", "new\n")
    end(holding, signal.SIGTERM, tmp_path / "errors", "signal-event", "outer")
    assert holding.read(OUTPUT) == "old\n"
    assert not holding.file("/etc/own/outer.conf").exists()


def test_an_event_under_nohup(holding: Root) -> None:
    """A signal that was ignored when the command began stays ignored: the event goes on."""
    program = str(holding.path / "sbin/e-smith/signal-event")
    words = ["env", "--ignore-signal=HUP", program, "hold"]
    process = subprocess.Popen(words, env={**os.environ, "ESMITH_ROOT": str(holding.path)})
    try:
        eventually(lambda: numbers(holding), "it runs")
        process.send_signal(signal.SIGHUP)
        os.kill(numbers(holding)[1], signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    assert holding.read(OUTPUT) == "new\n"


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("number", NUMBERS)
def test_expand_template(holding: Root, tmp_path: Path, number: signal.Signals) -> None:
    """A signal while a fragment is expanded ends perl, and says that no file was changed."""
    holding.write(f"/etc/e-smith/templates{OUTPUT}", sleeping(holding))
    text = end(holding, number, tmp_path / "errors", "expand-template", OUTPUT)
    assert "no file was changed" in text
    assert holding.read(OUTPUT) == "old\n"


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("number", NUMBERS)
def test_import(root: Root, tmp_path: Path, number: signal.Signals) -> None:
    """A signal while a migrate fragment runs ends perl; nothing is imported, and the command says so."""
    root.write("/etc/e-smith/db/domains/migrate/10wait", sleeping(root))
    for name, text in (("configuration", "DomainName=old.example\n"), ("domains", "old.example=domain\n")):
        (tmp_path / name).write_text(text)
    text = end(
        root,
        number,
        tmp_path / "errors",
        "esmith",
        "import",
        str(tmp_path / "configuration"),
        str(tmp_path / "domains"),
    )
    assert "nothing was imported" in text
    assert root.config("get", "DomainName").out == "example.com\n"


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("number", NUMBERS)
def test_init(root: Root, tmp_path: Path, number: signal.Signals) -> None:
    """A signal to an upgrade that has replaced the files and brings the databases up to date restores all of it."""
    shipped = "/etc/e-smith/templates/var/qmail/control/me"
    missing = "/etc/e-smith/services/clamd"
    subprocess.run(["rm", "-r", str(root.file(missing))], check=True)
    root.write(shipped, "edited by hand\n")
    root.write("/etc/e-smith/db/domains/migrate/10wait", sleeping(root))
    text = end(root, number, tmp_path / "errors", "esmith", "init")
    assert "the old content of" in text
    assert root.read(shipped) == "edited by hand\n"
    assert not root.file(missing).exists()


@pytest.mark.parametrize("program", ["config", "signal-event"])
def test_an_interrupt_while_modules_are_loaded(root: Root, tmp_path: Path, program: str) -> None:
    """Ctrl-C while a command still loads its own modules ends it with 130, without a traceback."""
    script = root.read(f"/sbin/e-smith/{program}")
    load = next(line for line in script.splitlines() if line.startswith("    from esmith"))
    (tmp_path / "late.py").write_text("raise KeyboardInterrupt\n")
    early = tmp_path / program
    early.write_text(script.replace(load, f"    sys.path.insert(0, {str(tmp_path)!r})\n    import late"))
    done = subprocess.run([sys.executable, "-ISXutf8", str(early)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
