"""The pages of the server-manager as data: a file names settings, and ``db/`` says what each of them may hold.

:mod:`esmith.panels.load` reads the files, :mod:`esmith.panels.form` shows what a form holds, and
:mod:`esmith.panels.change` changes settings as a form asks for. Nothing here knows a browser, a socket or an event.
"""
