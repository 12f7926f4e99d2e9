"""``signal-event``: expand what an event names, run its actions, adjust its services (docs/events.md)."""
