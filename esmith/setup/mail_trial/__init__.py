"""A trial of mail: in by SMTP, out of a mailbox by IMAP, as ``esmith trial-mail`` does it (docs/mail-server.md)."""
