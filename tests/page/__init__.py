"""The page as a test suite: its commands, verbatim, and what each must do (README.md)."""
