"""``esmith-logs``: from the journal of systemd to the logs that administrators read."""
