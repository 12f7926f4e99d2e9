"""Checking files with the programs that read them, or with rules of our own (docs/architecture.md#checks).

``check``      what a plan changes is checked, before any of it is installed
``installed``  what is installed is checked
``verdict``    what came of it; ``complaint`` reads what a program printed
``staged``     the tree as it will be: new files at their places among the old ones
``views``      shows that tree to programs; ``process`` is the process that runs them
``own``        the rules for files that no program checks
"""
