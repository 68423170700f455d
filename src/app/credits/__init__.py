"""Credits: an account per user, and a ledger whose sum is the balance, always."""
