"""Each row of docs/original.md has a test that shows it."""
