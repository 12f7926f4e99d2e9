"""``signal-event``: expand what an event names, run its actions, adjust its services (docs/events.md)."""

#: How long a command waits for another event, in seconds.
LOCK_TIMEOUT = 300.0
