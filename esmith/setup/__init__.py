"""Setting up the product under a root: the shipped trees, the commands, service directories."""
