"""``python -m tests.fuzz``: run every target under atheris, or one of them: ``python -m tests.fuzz TARGET``.

What finds something is written to ``.fuzz`` (``crash-...``, ``timeout-...``); corrected, it becomes a file of
``tests/fuzz/seeds``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.fuzz import FOLDER

FOUND = Path(".fuzz")
#: Limits of one input.
_TIMEOUT_SECONDS, _MEMORY_MB, _MAX_BYTES = 20, 1024, 6000


def main(words: list[str]) -> int:
    """Run the targets, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", nargs="?", help="one of them; default: all, one after the other")
    parser.add_argument("--runs", type=int, default=1_000_000, help="how many inputs for all targets together")
    options = parser.parse_args(words)
    if options.target and FOLDER in os.environ:
        fuzz(options.target, options.runs)
    from tests.fuzz.targets import TARGETS
    from tests.memory import memory

    chosen = {name: share for name, (_, share) in TARGETS.items() if options.target in (None, name)}
    failed = []
    with tempfile.TemporaryDirectory(prefix="esmith-fuzz-", dir=memory()) as folder:
        for name, share in chosen.items():
            runs = max(1, options.runs * share // sum(chosen.values()))
            begun = time.monotonic()
            command = [sys.executable, "-m", "tests.fuzz", name, "--runs", str(runs)]
            done = subprocess.run(command, env={**os.environ, FOLDER: folder}, check=False)
            print(f"fuzz: {name}: {runs} inputs, {time.monotonic() - begun:.0f} s, exit {done.returncode}", flush=True)
            failed += [name] if done.returncode else []
    print(f"fuzz: {'failed: ' + ', '.join(failed) if failed or not chosen else 'nothing was found'}")
    return 1 if failed or not chosen else 0


def fuzz(name: str, runs: int) -> None:
    """Fuzz one target; the process ends with it.

    :param runs: how many inputs.
    """
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["esmith", "tomllib"]):
        targets = importlib.import_module("tests.fuzz.targets")
    corpus, seeds, words = FOUND / name, FOUND / f"{name}-seeds", FOUND / f"{name}.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds.mkdir(exist_ok=True)
    for file, data in targets.seeds_of(name).items():
        (seeds / file).write_bytes(data)
    words.write_text("".join(f'"{word}"\n' for word in sorted(_words(seeds))))
    options = [
        f"-runs={runs}",
        f"-timeout={_TIMEOUT_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-max_len={_MAX_BYTES}",
        f"-artifact_prefix={FOUND}/{name}-",
        f"-dict={words}",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus), str(seeds)], targets.TARGETS[name][0])
    atheris.Fuzz()


def _words(seeds: Path) -> set[str]:
    """Return the words of the seeds, which the fuzzer puts together again."""
    texts = (path.read_bytes() for path in seeds.iterdir())
    return {word.decode() for text in texts for word in re.findall(rb"[A-Za-z_][A-Za-z0-9_-]{2,30}", text)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
