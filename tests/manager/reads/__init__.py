"""The verbs of the helper that only look."""
