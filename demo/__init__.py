"""What ``make demo`` and the other demos run."""
