"""docs/fleet.md, typed on a machine."""
