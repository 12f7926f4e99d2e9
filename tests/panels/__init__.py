"""Panel files, and forms."""
