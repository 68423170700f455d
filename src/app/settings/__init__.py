"""What the environment decides."""

from app.settings.environment import PLATFORMS, from_environment
from app.settings.forms import database_url, store_url
from app.settings.settings import GIB, MIB, Mail, Network, Provider, Settings, SettingsError

__all__ = [
    "GIB",
    "MIB",
    "PLATFORMS",
    "Mail",
    "Network",
    "Provider",
    "Settings",
    "SettingsError",
    "database_url",
    "from_environment",
    "store_url",
]
