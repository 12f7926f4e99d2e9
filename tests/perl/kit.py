"""Running Perl scripts against a root, as cron or an administrator would."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from esmith.perl.modules import perl_modules
from tests.commands import TIMEOUT_SECONDS, Answer, Root
from tests.programs import path_of

#: Prints a list so that undef, empty texts and the ends of texts can be distinguished.
_SHOW = """
sub show { print join(' ', map { defined $_ ? "<$_>" : 'undef' } @_), "\\n" }
"""


class Script:
    """Runs Perl code with the modules.

    :param root: the root it works on.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self.perl = path_of("perl")

    def environment(self) -> dict[str, str]:
        """Return what a script finds in its environment."""
        return {**os.environ, "ESMITH_ROOT": str(self.root.path), "PERL5LIB": perl_modules()}

    def file(self, code: str, name: str = "script.pl") -> Path:
        """Write a script and return its path; it knows ``show``, which prints a list."""
        path = self.root.path / name
        path.write_text(f"#!{self.perl} -w\nuse strict;\n{_SHOW}\n#line 1\n{code}")
        path.chmod(0o755)
        return path

    def run(self, code: str, *words: str, status: int | None = 0, switches: tuple[str, ...] = ("-w",)) -> Answer:
        """Run a script.

        :param status: the exit status it must have; None for any but 0.
        """
        done = subprocess.run(
            [self.perl, *switches, str(self.file(code)), *words],
            capture_output=True,
            env=self.environment(),
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        answer = Answer(done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode())
        assert "Traceback" not in answer.err, answer.err
        assert answer.code == status if status is not None else answer.code != 0, answer
        return answer

    def shown(self, code: str, *words: str) -> list[str]:
        """Run a script that must warn of nothing, and return the lines it printed."""
        answer = self.run(code, *words)
        assert answer.err == ""
        return answer.out.splitlines()
