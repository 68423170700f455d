"""The peer: the same routes on FastAPI, SQLAlchemy 2 (async, asyncpg) and Pydantic 2, over the same tables.

Written as someone who knows this stack well would write it, and nothing that slows it down.
"""
