"""Nutrition: what was eaten, and its totals by day and week."""
