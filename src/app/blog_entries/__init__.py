"""Blog entries: the longer texts of the journal, with slugs and a search of their own."""
