"""Tests of who may own what the engine reads and runs, of modes, and of the environment of what it starts."""
