"""Fuzzing: each parser gets bytes that nobody meant for it. How to run it: docs/reliability.md, "Fuzzing"."""
