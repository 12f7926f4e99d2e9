"""Making a machine a mail server, and taking that away again: what ``esmith setup`` and ``esmith remove`` do.

The machine is Debian. Each step runs the command that an administrator would type, so that what the documents say and
what is done here are the same (docs/mail-server.md).
"""
