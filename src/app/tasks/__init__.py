"""Tasks: the smallest slice, and the model for every other."""
