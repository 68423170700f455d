"""One's own account with what belongs to it: credits, consents and usage, in one answer."""
