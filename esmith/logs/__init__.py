"""``esmith-logs``: under systemd, copies what services write from the journal to ``/var/log/NAME/current``.

The journal stays the place of the logs; these are copies in the form of ``svlogd -t`` and ``multilog t``, for the
commands that administrators type with any supervisor: ``tail -f /var/log/qpsmtpd/current | tai64nlocal``.
"""
