"""The server-manager: the settings in a browser.

Two processes. :mod:`esmith.manager.web` has a user of its own and no access to the databases; what it wants it asks of
:mod:`esmith.manager.helper`, which root runs and which offers verbs. :mod:`esmith.manager.wire` is what both know.
"""
