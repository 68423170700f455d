"""Nutrition: what was eaten, and what it sums up to."""
