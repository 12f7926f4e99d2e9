"""What an entry of a list means to the program that reads the list, and how it is written so (docs/daemons.md#lists)."""
