"""Bringing the data of other apps in: reading a source, staging its rows, moving them, verifying and rolling back."""
