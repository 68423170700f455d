"""Usage: how many user messages a tier allows per day and month, and how many are left."""
