"""The engine of Perl fragments: one perl with the real Text::Template for a whole event (DESIGN section 6)."""
