"""Backups of the whole database and its files: made, verified by restoring them, put back, and kept for as long as is asked."""
