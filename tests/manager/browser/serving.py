"""``esmith manager serve`` whose helper remembers what a check program said, as the commands of the tests do.

Run as ``python -m tests.manager.browser.serving MEMORY WORD...`` with the folder of tests/remembered.py, "" for none:
otherwise each change on the pages would have ``spamassassin --lint`` run twice. A start as an administrator does it is
played by test_demo.py.
"""

from __future__ import annotations

import sys

from esmith.cli.esmith import main
from tests.remembered import remember_in, remember_languages

if __name__ == "__main__":
    memory = sys.argv.pop(1)
    if memory:
        remember_languages()
        remember_in(memory).learn()
    sys.argv[0] = "esmith"
    main()
