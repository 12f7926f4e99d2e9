"""What a measurement was made on and with."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

HOME = Path(__file__).parent.parent


def described() -> dict[str, str]:
    """Return the machine and the versions, by what they are called in the document."""
    return {
        "processor": _processor(),
        "processors": str(os.cpu_count()),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "lmdb": version("lmdb"),
    }


def today() -> str:
    """Return the date."""
    return datetime.date.today().isoformat()


def commit() -> str:
    """Return the commit of the working tree, with ``and changes`` where files differ from it; "" without git."""
    name = _git("rev-parse", "--short=8", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return f"{name} and changes" if name and changes else name


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(HOME), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    """Return the name of the processor, from /proc/cpuinfo where it has one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
