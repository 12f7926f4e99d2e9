"""What ``esmith fleet`` does: setting up a fleet, joining and leaving it (docs/commands.md#esmith-fleet)."""
