"""What outputs should be, compared with the disk: the plan. Making one changes nothing.

The packages above share its objects: :mod:`esmith.checks` looks at the outputs of a plan, and :mod:`esmith.apply`
installs them.
"""
