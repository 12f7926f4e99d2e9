"""The Debian package: what is in it, and how it is installed, upgraded and removed."""
