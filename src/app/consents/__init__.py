"""Consents: what a user agreed to, event by event. Nothing is ever agreed to by default."""
