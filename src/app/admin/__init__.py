"""Admin: what the people who run the server may see and do through the API. Each request is in the audit trail."""
