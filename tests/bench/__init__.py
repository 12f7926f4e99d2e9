"""Tests of the measurements: of what is made of the figures, never of how long something took."""
