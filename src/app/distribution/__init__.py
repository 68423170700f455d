"""Spreading the users over the workers of a Citus cluster, and bringing them back."""
