"""From text to installed files: plan, stage, install, each a step on one plan object (DESIGN section 7)."""
