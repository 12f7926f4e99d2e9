"""The helper: who may ask it, who is logged in, what a request may do to it, and how its processes end."""
