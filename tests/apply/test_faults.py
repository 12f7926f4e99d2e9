"""Failing at every single point of applying a plan: all outputs are as they were, and nothing is left lying about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from esmith.apply.generations import list_generations
from esmith.errors import InstallError
from esmith.plan.host import DiskHost
from esmith.temporary import temporary_name
from tests.apply.kit import Bench, FaultyHost, SystemFault, look, staged_files

#: More faults than there are points to fail at.
_ENOUGH = 200

Look = tuple[str, bytes, int] | None

#: Each output, what it is before and what it becomes.
OUTPUTS: dict[str, tuple[Look, Look]] = {
    "/etc/new": (None, ("file", b"new\n", 0o644)),
    "/etc/replaced": (("file", b"old\n", 0o644), ("file", b"replaced\n", 0o600)),
    "/etc/edited": (("file", b"by hand\n", 0o644), ("file", b"edited\n", 0o644)),
    "/etc/removed": (("file", b"gone\n", 0o644), None),
    "/etc/mode": (("file", b"same\n", 0o644), ("file", b"same\n", 0o640)),
    "/etc/link": (("link", b"/old", 0), ("link", b"/new", 0)),
    "/etc/same": (("file", b"same\n", 0o644), ("file", b"same\n", 0o644)),
    "/deep/dir/new": (None, ("file", b"deep\n", 0o644)),
}


@contextmanager
def _office(path: Path) -> Iterator[Bench]:
    """Give a root in which every kind of change is due."""
    bench = Bench(path)
    with closing(bench.store):
        bench.template("/etc/replaced", "old\n")
        bench.template("/etc/edited", "edited before\n")
        bench.template("/etc/removed", "gone\n")
        bench.template("/etc/mode", "same\n")
        bench.template("/etc/link", "/old\n", 'kind = "symlink"')
        bench.template("/etc/same", "same\n")
        bench.apply("/etc/replaced", "/etc/edited", "/etc/removed", "/etc/mode", "/etc/link", "/etc/same")
        bench.file("/etc/edited").write_text("by hand\n")
        bench.template("/etc/new", "new\n")
        bench.template("/etc/replaced", "replaced\n", 'mode = "0600"')
        bench.template("/etc/edited", "edited\n")
        bench.template("/etc/removed", "gone\n", 'delete-when = "true"')
        bench.template("/etc/mode", "same\n", 'mode = "0640"')
        bench.template("/etc/link", "/new\n", 'kind = "symlink"')
        bench.template("/deep/dir/new", "deep\n")
        yield bench


def _looks(bench: Bench) -> dict[str, Look]:
    return {path: look(bench.path / path.lstrip("/")) for path in OUTPUTS}


def _every_fault(folder: Path, attempt: Callable[[Bench, int], bool]) -> int:
    """Try every fault in a root of its own until one is not reached; return how many were."""
    olds = {path: old for path, (old, _) in OUTPUTS.items()}
    news = {path: new for path, (_, new) in OUTPUTS.items()}
    for number in range(1, _ENOUGH):
        with _office(folder / str(number)) as bench:
            if not attempt(bench, number):
                assert _looks(bench) == news
                return number - 1
            assert _looks(bench) == olds, f"fault {number}"
            assert staged_files(bench.path) == []
            bench.apply(*OUTPUTS)
            assert _looks(bench) == news
            assert set(bench.kept()) == {"/etc/edited"}
            assert bench.apply(*OUTPUTS) == []
    raise AssertionError("there is no end of faults")


def test_every_operation_may_fail(tmp_path: Path) -> None:
    """Whichever operation of the host fails, every output is as it was, and the next attempt makes all new."""

    def attempt(bench: Bench, number: int) -> bool:
        host = FaultyHost(bench.layout, number)
        plan = bench.plan(*OUTPUTS)
        try:
            bench.carry_out(plan, host)
        except InstallError as error:
            assert "fails" in error.message
            return True
        assert not host.failed
        return False

    # Five staged, as many installed; one removed, one set, one kept; directories made durable.
    assert _every_fault(tmp_path, attempt) >= 5 + 5 + 1 + 1 + 1 + 1


def test_every_call_of_the_system_may_fail(tmp_path: Path) -> None:
    """Whichever call of the system fails, that is an error of ours and every output is as it was."""

    class Unclosed(DiskHost):
        def close(self, *, undo: bool = False) -> None:
            """Leave the record of staged files: all is done then, so a failure there is no failure."""

    def attempt(bench: Bench, number: int) -> bool:
        fault = SystemFault(number)
        temporary_name()  # looks once for when the process was started
        plan = bench.plan(*OUTPUTS)
        failed = False
        host = Unclosed(bench.layout)
        for _ in fault.patched():
            try:
                bench.carry_out(plan, host)
            except InstallError:
                failed = True
            except OSError as error:
                pytest.fail(f"call {number}, {fault.calls[number - 1]}: {error!r} is not an error of ours")
        DiskHost.close(host)
        is_reached = len(fault.calls) >= number
        if is_reached and not failed:
            # After the end of the install: only the mark of its kept files is not renamed.
            with bench.store.snapshot() as snapshot:
                assert list_generations(snapshot)[0].complete, f"call {number}, {fault.calls[number - 1]}"
        assert is_reached or not failed
        return failed

    assert _every_fault(tmp_path, attempt) >= 30


def test_an_error_of_the_program_puts_everything_back(tmp_path: Path) -> None:
    """Even what no one expects, as an interrupt from the keyboard, leaves every output as it was."""

    class Interrupted(DiskHost):
        def remove(self, _target: str) -> None:
            raise KeyboardInterrupt

    with _office(tmp_path / "root") as bench:
        with pytest.raises(KeyboardInterrupt):
            bench.carry_out(bench.plan(*OUTPUTS), Interrupted(bench.layout))
        assert _looks(bench) == {path: old for path, (old, _) in OUTPUTS.items()}
        assert staged_files(bench.path) == []
