"""From fragment directories to text: layers, metadata, engines, and what was read on the way (docs/fragments.md)."""
