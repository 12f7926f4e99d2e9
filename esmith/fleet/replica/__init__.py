"""What a member of a fleet keeps in its store: the layers, the marks of its own values, and which revision it has."""
