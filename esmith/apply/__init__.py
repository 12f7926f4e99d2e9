"""From text to installed files: plan, stage, install, each a step on one plan object.

The steps are those of docs/concepts.md#plan-stage-check-install.
"""
