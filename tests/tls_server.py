"""A PostgreSQL with TLS, and certificates to go with it. The one of the wheel is built without TLS."""

import os
import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from needs import POSTGRES_WITH_TLS
from serving import free_port, until

from app.database.postgres_programs import environment, run
from app.database.unprivileged import account_for, command_prefix, give


class Authority:
    """Who signs certificates; `file` is what clients trust."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = self._builder(self._name, self._key, now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=2))
            .not_valid_after(until)
        )

    def certify(self, *names: str, days: int = 1) -> tuple[bytes, bytes]:
        """A certificate for host names or addresses, which ends in so many days, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = [
            x509.IPAddress(ip_address(name)) if re.fullmatch(r"[0-9.]+", name) else x509.DNSName(name) for name in names
        ]
        builder = self._builder(subject, key, datetime.now(UTC) + timedelta(days=days))
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        form, algorithm = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return (
            builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, form, algorithm),
        )


class TlsServer:
    """A server on localhost that has TLS, whose certificate can be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        assert POSTGRES_WITH_TLS is not None
        self.port = free_port()
        self._data, binaries = folder / "cluster", POSTGRES_WITH_TLS
        self._folder, self._account = folder, account_for(folder, folder / "none")
        give(folder, self._account)
        prefix = command_prefix(self._account, binaries, [folder])
        made = run(
            [
                *prefix,
                *(str(binaries / "initdb"), f"--pgdata={self._data}", "--username=holdfast", "--auth=trust", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            ]
        )
        assert made.returncode == 0, made.stdout
        options = {
            "listen_addresses": "localhost", "port": self.port, "unix_socket_directories": "", "fsync": "off",
            "ssl_cert_file": folder / "server.pem", "ssl_key_file": folder / "server.key",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*prefix, str(binaries / "postgres"), "-D", str(self._data), *words], cwd="/", env=environment(), stderr=log
            )
        until(lambda: b"ready to accept connections" in self.log(), lambda: self.log().decode())

    def log(self) -> bytes:
        return (self._folder / "log").read_bytes()

    def url(self, host: str = "localhost", **options: object) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://holdfast@{host}:{self.port}/postgres?{query}"

    async def present(self, certificate: bytes, key: bytes) -> None:
        """Have TLS with another certificate from now on."""
        for name, content in (("server.pem", certificate), ("server.key", key)):
            path = self._folder / name
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_bytes(content)
            give(path, self._account)
        await self._set("on")

    async def without_tls(self) -> None:
        await self._set("off")

    async def _set(self, ssl: str) -> None:
        seen = self.log().count(b"received SIGHUP")
        with (self._data / "postgresql.auto.conf").open("w") as settings:
            settings.write(f"ssl = {ssl}\n")
        os.kill(self._process.pid, signal.SIGHUP)
        until(lambda: self.log().count(b"received SIGHUP") > seen, "it has read its settings")
        # Each new connection is served by what the postmaster has by then.
        connection = await asyncpg.connect(self.url(sslmode="disable"))
        try:
            assert await connection.fetchval("show ssl") == ssl
        finally:
            await connection.close()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
