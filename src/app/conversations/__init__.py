"""Conversations with assistants: their messages, in an order without gaps."""
