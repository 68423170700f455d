"""What is done regularly: expired rows removed, old ledgers folded, orphaned objects deleted."""
