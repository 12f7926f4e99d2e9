"""The stand-in for the original does the original's work: it prints and writes what the contract says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.measuring import CommandError, Cost, Runner, Task, by_turns, ratio
from bench.original import HERE, NoOriginalError, Original
from bench.templates import count_calls

FLAT = "# DO NOT MODIFY\nb=service|DNSBL|enabled|Text|a\\|b\na=scalar\n"


def _stand_in(file: Path, *words: str) -> str:
    argv = ["perl", str(HERE / "flatfile.pl"), str(file), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Return a flat file of two records."""
    path = tmp_path / "configuration"
    path.write_text(FLAT)
    return path


@pytest.mark.program("perl")
@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["getprop", "b", "DNSBL"], "enabled\n"),
        (["get", "b"], "service|DNSBL|enabled|Text|a\\|b\n"),
        (["gettype", "a"], "scalar\n"),
        (["show", "b"], "b=service\n    DNSBL=enabled\n    Text=a\\|b\n"),
        (["show"], "a=scalar\nb=service\n    DNSBL=enabled\n    Text=a\\|b\n"),
        (["print"], "a=scalar\nb=service|DNSBL|enabled|Text|a\\|b\n"),
        (["keys"], "a\nb\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_reading(flat: Path, words: list[str], printed: str) -> None:
    """Each command that reads prints what the product prints."""
    assert _stand_in(flat, *words) == printed


@pytest.mark.program("perl")
def test_writing(flat: Path) -> None:
    """Properties are changed together, and the other records stay."""
    _stand_in(flat, "setprop", "b", "DNSBL", "disabled", "New", "1")
    assert _stand_in(flat, "get", "b") == "service|DNSBL|disabled|New|1|Text|a\\|b\n"
    assert _stand_in(flat, "get", "a") == "scalar\n"


@pytest.mark.program("Text::Template")
def test_expanding(flat: Path, tmp_path: Path) -> None:
    """Fragments are joined in their order, expressions give settings, and a file that is up to date is not touched."""
    template, outputs = tmp_path / "templates/demo.conf", tmp_path / "outputs"
    template.mkdir(parents=True)
    outputs.mkdir()
    (template / "20b").write_text("B { $b{DNSBL} }\n")
    (template / "10a").write_text("A\n")
    _stand_in(flat, "event", str(template.parent), str(outputs))
    output = outputs / "demo.conf"
    assert output.read_text() == "A\nB enabled\n"
    inode = output.stat().st_ino
    _stand_in(flat, "expand", str(template), str(output))
    assert output.stat().st_ino == inode
    _stand_in(flat, "setprop", "b", "DNSBL", "disabled")
    _stand_in(flat, "expand", str(template), str(output))
    assert output.read_text() == "A\nB disabled\n"


@pytest.mark.program("Text::Template")
def test_which_original_is_run(flat: Path, tmp_path: Path) -> None:
    """A directory must have the original's modules; the stand-in is named as one."""
    runner = Runner(tmp_path)
    with pytest.raises(NoOriginalError, match="has no esmith/ConfigDB.pm"):
        Original(runner, str(tmp_path))
    original = Original(runner)
    assert original.name == "a stand-in for the original"
    cost = original.task(flat, "getprop", "b", "DNSBL")()
    assert cost.cpu > 0
    assert cost.peak > 0
    runner.close()


def test_runs_are_by_turns(tmp_path: Path) -> None:
    """Commands are run A B A B after one that does not count, and a failure ends it with the message."""
    runner, done = Runner(tmp_path), tmp_path / "done"
    done.touch()
    tasks = {name: _appending(runner, done, name) for name in "ab"}
    assert list(by_turns(tasks, 2)) == ["a", "b"]
    assert done.read_text() == "ababab"
    with pytest.raises(CommandError, match="ended with 3:\nno luck"):
        runner.run(["/bin/sh", "-c", "echo no luck >&2; exit 3"])
    runner.close()


def _appending(runner: Runner, path: Path, text: str) -> Task:
    return lambda: runner.run(["/bin/sh", "-c", f"printf {text} >> {path}"])


def test_counted_calls() -> None:
    """Of what strace counts, only the calls that make files durable are added up."""
    report = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 90.00    0.101000         555       180           fsync
 10.00    0.001000         100         3         1 syncfs
  0.00    0.000000           0         7           openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.102000                   190         1 total
"""
    assert count_calls(report) == 183


def test_a_ratio_is_that_of_the_rounds() -> None:
    """While a machine is slower for some rounds, each of two commands is: the ratio stays."""
    quick, slow = [Cost(0.010, 1), Cost(0.030, 1), Cost(0.030, 1)], [Cost(0.020, 1), Cost(0.060, 1), Cost(0.061, 1)]
    assert ratio(slow, quick) == pytest.approx(2.0)
