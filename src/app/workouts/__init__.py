"""Workouts with their exercises, in the units in which they were entered and in those that compare."""
