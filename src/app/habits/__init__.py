"""Habits: what a user wants to do regularly, an entry per day, and the statistics of both."""
