"""Whether perl compiles an expression: perl itself says so, where there is one."""

from __future__ import annotations

import re
from functools import cache

from esmith.environment import clean_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Compiles expressions that end in NUL, none of which can be code, and answers for each "" or why not. Some mistakes
#: show only when something is compared.
_JUDGE = r"""
no warnings; $/ = undef; binmode STDIN; binmode STDOUT;
for my $text (split /\0/, <STDIN>) {
    my $why = eval { 'a@b.example' =~ /$text/; 1 } ? '' : $@;
    $why =~ s/ at -e line.*//s; $why =~ s/; marked by.*//s; $why =~ s/ in regex\z//; $why =~ s/[\0\n]/ /g;
    print "$why\0";
}
"""
#: Perl needs a hundredth of a second; an expression does not make it compute while it compiles.
_TIMEOUT_SECONDS = 20


@cache
def refusal(expression: str) -> str:
    """Return why an expression does not compile in Perl; "" when it does.

    Where there is no perl, Python's ``re`` decides, which knows most of Perl's expressions: what it does not know is
    refused too. A program in Perl cannot read the list on such a machine.

    :param expression: without NUL, which no setting holds.
    """
    return refusals([expression])[0]


def refusals(expressions: Sequence[str]) -> list[str]:
    """Return for each expression what :func:`refusal` does; perl is started once."""
    import shutil
    import subprocess

    perl = shutil.which("perl", path=clean_environment().get("PATH"))
    if perl is None:
        return list(map(_refused_by_python, expressions))
    try:
        done = subprocess.run(
            [perl, "-e", _JUDGE],
            input=b"".join(text.encode("utf-8", "surrogateescape") + b"\0" for text in expressions),
            capture_output=True,
            env=clean_environment(),
            cwd="/",
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"perl could not be asked: {error}"] * len(expressions)
    answers = done.stdout.decode("utf-8", "replace").split("\0")[:-1]
    if done.returncode != 0 or len(answers) != len(expressions):
        return [f"perl could not be asked: exit code {done.returncode}"] * len(expressions)
    return [answer.strip() for answer in answers]


def _refused_by_python(expression: str) -> str:
    try:
        re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        return f"{error}; perl, which would know, is not installed"
    return ""
