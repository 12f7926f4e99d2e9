"""What each record may hold: ``db/<database>/<key>.toml``, its defaults and migrations (docs/schema.md)."""
