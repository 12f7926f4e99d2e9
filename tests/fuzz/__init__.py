"""Fuzzing: each parser gets bytes that nobody meant for it (docs/reliability.md#fuzzing)."""

#: The variable that names the folder for all files; a process of libFuzzer ends without a chance to remove its own.
FOLDER = "ESMITH_FUZZ_FOLDER"
