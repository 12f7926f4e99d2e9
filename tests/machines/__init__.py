"""Machines of a Debian of their own, in which the mail server is installed at / as an administrator would do it.

``.ci/machine`` plays them: ``docs/testing.md`` says how. Nothing here is a test of pytest. Standard library only, since
it runs before anything is installed.
"""
