"""Outgoing mail: a table of what is to be sent, templates, and the loop that sends it after the commit."""
