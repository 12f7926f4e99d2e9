"""From fragment directories to text: layers, metadata, engines, and what was read on the way (DESIGN section 6)."""
