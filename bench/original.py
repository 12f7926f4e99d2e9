"""The original beside which the product is measured: its own modules in Perl, or a small stand-in.

``ORIGINAL=DIR`` names a directory that has the original's modules somewhere below it, ``esmith/ConfigDB.pm`` and the
rest; where its script ``db`` is there, too, that is run. Without it the stand-in ``bench/flatfile.pl`` does the
original's work with what comes with perl.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.measuring import Runner, Task

HERE = Path(__file__).parent
#: The commands that the original's script ``db`` has.
OF_DB = {"getprop", "get", "gettype", "show", "print", "keys", "setprop"}


class NoOriginalError(Exception):
    """There is nothing to compare with."""


class Original:
    """Runs what the original would do, on flat files.

    :param runner: what runs and measures.
    :param folder: the directory with its modules; "" for the stand-in.
    :raises NoOriginalError: when perl or the modules are not there.
    """

    def __init__(self, runner: Runner, folder: str = "") -> None:
        perl = shutil.which("perl")
        if perl is None:
            raise NoOriginalError("perl is not installed")
        self._runner = runner
        self._script = ""
        self._perl = [perl]
        if folder:
            modules = _find(folder, "esmith/ConfigDB.pm")
            if not modules:
                raise NoOriginalError(f"{folder} has no esmith/ConfigDB.pm below it")
            if scripts := _find(folder, "sbin/e-smith/db"):
                self._script = f"{scripts}/sbin/e-smith/db"
            self._perl.append(f"-I{modules}")
            self._words = [*self._perl, str(HERE / "original.pl")]
            self.name = f"the original's modules{' and script' if self._script else ''}"
        else:
            self._words = [*self._perl, str(HERE / "flatfile.pl")]
            self.name = "a stand-in for the original"
        test = [*self._perl, "-MText::Template", "-e", "1"]
        if subprocess.run(test, check=False, stderr=subprocess.DEVNULL).returncode != 0:
            raise NoOriginalError("Text::Template of Perl is not installed (Debian package libtext-template-perl)")

    def task(self, file: Path, verb: str, *words: str) -> Task:
        """Return a task that does what a command of the original does.

        :param file: the flat file of the database.
        :param verb: one of ``db``, or ``expand`` or ``event`` with a directory of templates and where to put the files.
        """
        argv = [*self._words, str(file), verb, *words]
        if self._script and verb in OF_DB:
            argv = [*self._perl, self._script, str(file), verb, *words]
        return lambda: self._runner.run(argv)


def _find(folder: str, name: str) -> str:
    """Return the directory at or below a folder that has a file of a name, "" without one."""
    for directory, _, _ in os.walk(folder):
        if os.path.isfile(os.path.join(directory, name)):
            return directory
    return ""
