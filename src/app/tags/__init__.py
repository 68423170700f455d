"""Tags: words that a user puts on rows of eight kinds, each link by a real foreign key."""
