"""A configuration database and template-expansion engine: e-smith in Python.

The packages, and the order in which they may import one another, are in docs/architecture.md#the-packages.
"""

__version__ = "0.1.0"
