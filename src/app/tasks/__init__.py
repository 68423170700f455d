"""Tasks: the smallest slice, and the model for the others."""
