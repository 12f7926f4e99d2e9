"""``make demo-fleet``: three etcd and three servers in a folder, which share their settings."""
