"""Where the Perl modules are."""

from __future__ import annotations

import os


def perl_modules() -> str:
    """Return the directory to put into PERL5LIB: the one that holds ``esmith/ConfigDB.pm``."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
