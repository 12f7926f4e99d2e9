"""Commands that are killed, or get an error from the kernel, at each call by which they change the disk."""
