"""Measurements: every figure is a ratio of two things timed in turns in one run, because machines are noisy."""
