"""``esmith fleet``, and what else the commands show of a fleet (docs/fleet.md): nobody else imports any of it."""
