"""What is wrong with TLS to the database, in a sentence for whoever has set it up; it shows no host and no certificate."""

import os
import ssl
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from app.database.errors import DatabaseRefused

FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
"""Options of a URL that name files."""

_CERTIFICATE = {
    9: "is not valid yet: check it, and the clocks of both machines",
    10: "has expired: check until when it and its signer's are valid",
    23: "was revoked: check the file of sslcrl",
    62: "is for another host than DATABASE_URL names: check the names in it",
    64: "is for another host than DATABASE_URL names: check the addresses in it",
}
"""What OpenSSL's X509_V_ERR_... of a certificate mean."""

_UNKNOWN_SIGNER = "is not signed by one that DATABASE_URL trusts: check that the file of sslrootcert is of its signer"

_OF_THE_CONNECTION = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""Kinds of SSLError that say no more than that the other end is gone."""


def check_files(url: str) -> None:
    """See that the files which a database URL names can be read. Raises DatabaseRefused.

    The driver's error about them would be that of a server which is not there.
    """
    for name, path in parse_qsl(urlsplit(url).query):
        if name in FILES and not os.access(path, os.R_OK):
            raise DatabaseRefused(f"The file of {name} in DATABASE_URL cannot be read: check its path, and whose it is.")


def refusal(error: BaseException) -> str | None:
    """Why no connection will be made however often it is tried. None: it is not for TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the database server {_CERTIFICATE.get(error.verify_code, _UNKNOWN_SIGNER)}."
    if isinstance(error, ssl.SSLError) and not isinstance(error, _OF_THE_CONNECTION):
        # The reason is a word of OpenSSL's, such as TLSV1_ALERT_PROTOCOL_VERSION.
        return f"TLS with the server of DATABASE_URL comes to nothing ({error.reason}): check versions and certificates."
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return "The database server has no TLS, which the sslmode of DATABASE_URL demands: check that it has `ssl = on`."
    if isinstance(error, asyncpg.ClientConfigurationError) and "root certificate file" in str(error):
        return "The sslmode of DATABASE_URL needs sslrootcert=FILE: check that it names what signed the server's certificate."
    return None
