"""The web process: it makes pages of what the helper answers, and imports nothing of the engine."""
