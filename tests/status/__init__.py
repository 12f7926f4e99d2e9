"""What is pending or wrong, as the commands and the server-manager show it."""
