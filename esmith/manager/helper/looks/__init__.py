"""What the verbs that only look are made of: pages of the journal, forms of records, cures, the search."""
