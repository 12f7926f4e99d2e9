"""The fleet meets the world: real etcd, real agents, and what may happen to them."""
