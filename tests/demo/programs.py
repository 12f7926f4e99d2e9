"""What the demo needs, by the names of tests/programs.py."""

from __future__ import annotations

#: tests/demo/test_steps.py compares their packages with those that the demo looks for.
PROGRAMS = (
    "clamd",
    "clamdscan",
    "dovecot",
    "openssl",
    "qpsmtpd-forkserver",
    "runsvdir",
    "spamassassin",
    "spamd",
    "/usr/lib/dovecot/imap",
    "/usr/lib/dovecot/pop3",
    "IO::Socket::SSL",
    "Mail::DKIM",
    "Mail::SPF",
    "Net::IP",
)
