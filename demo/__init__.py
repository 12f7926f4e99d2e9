"""What ``make demo`` and ``make demo-mail`` run."""
