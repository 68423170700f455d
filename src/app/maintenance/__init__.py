"""What is done now and then: expired rows removed, old ledgers folded, orphaned objects deleted."""
