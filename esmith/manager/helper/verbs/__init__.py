"""The verbs that the helper offers, one module a group. Each module has a table ``VERBS``: names and functions.

A verb runs in a process of its own, with a session that was checked. It opens what it needs and returns what
can be written as JSON, or raises :class:`esmith.manager.helper.context.VerbError`; an
:class:`esmith.errors.EsmithError` is answered with its message, place and hint.
"""
