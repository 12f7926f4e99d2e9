"""Where a fleet shows in what is there without one: repeated commands, where values come from, findings."""
