"""The server-manager in a real Chromium: what is clicked, what it says, and what it leaves in databases and files."""
