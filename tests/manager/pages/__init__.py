"""The pages of lists of records, changes, services, health, every setting, search and sessions."""
