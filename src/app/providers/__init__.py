"""The identity providers that sign users in: discovery, keys, the exchange of codes, and who an ID token is about."""
