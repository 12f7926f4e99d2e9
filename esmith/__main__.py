"""``python -m esmith``: the same as the command ``esmith``."""

from esmith.cli.esmith import main

main()
