"""Tests of the commands of ``esmith fleet``, with a real etcd."""
