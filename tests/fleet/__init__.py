"""Tests of the fleet: several servers that share settings over etcd."""
