"""The agent of a member, against a real etcd."""
