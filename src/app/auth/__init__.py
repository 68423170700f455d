"""Who is calling, and what they may do: tokens, the cache of callers, scopes and roles, acting for a user, the audit trail."""
