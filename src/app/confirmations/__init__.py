"""What an address has to confirm by a link in a mail: itself, a new password, another address."""
