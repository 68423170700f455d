"""Accounts: register, log in and out, and one's own profile."""
