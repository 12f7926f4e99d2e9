"""Unix accounts: those every mail server has, those of services, those of users and groups, and their directories.

At ``/`` they are the machine's (:mod:`esmith.accounts.machine`), under a root folder the lines of its own
``/etc/passwd`` and ``/etc/group`` (:mod:`esmith.accounts.folder`). Nothing that is not known to be ours is changed.
"""
