"""Habits: what a user wants to do again and again, what happened day by day, and what that comes to."""
