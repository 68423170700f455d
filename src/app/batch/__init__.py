"""Several requests in one, and in one transaction."""
