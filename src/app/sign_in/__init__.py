"""Signing in by an identity provider: in the browser, by an ID token, and linking to an account."""
