"""``make demo-mail``: a trial of mail in a folder, with the real daemons and without root (docs/mail-server.md)."""
