"""The original's database files: as a store of one database, and for import and export."""
