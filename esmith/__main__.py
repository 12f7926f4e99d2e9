"""``python -m esmith``: the same as the command ``esmith``."""

from esmith.cli.start import esmith

esmith()
