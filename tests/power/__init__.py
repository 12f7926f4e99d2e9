"""Power loss: every disk state that a crash may leave is rebuilt from the recorded system calls, and recovered."""
