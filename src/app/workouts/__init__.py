"""Workouts with their exercises, in the units that were sent and in kilograms and meters."""
