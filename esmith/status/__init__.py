"""What is pending or wrong, as ``esmith status`` and the server-manager show it."""
