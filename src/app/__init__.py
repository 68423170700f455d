"""Holdfast: one durable, fast, self-hosted JSON API over PostgreSQL."""

from importlib.metadata import version

__version__ = version("holdfast")
