"""The query cache: answers to questions that many users ask. A hit never costs a credit."""
