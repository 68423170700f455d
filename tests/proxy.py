"""A real nginx in front of a server, with ops/nginx.conf."""

import http.client
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

from needs import NGINX
from serving import PATIENCE, free_port, listens, until

CONF = (Path(__file__).parent.parent / "ops" / "nginx.conf").read_text(encoding="utf-8")

REST = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies; proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/holdfast.conf;
}}
"""
"""What a system's own nginx.conf says around ours."""


class Proxy:
    """A running nginx."""

    def __init__(self, folder: Path, server_port: int, changes: dict[str, str]) -> None:
        assert NGINX is not None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = CONF
        for old, new in {
            "listen 80;": f"listen {self.port};",
            "127.0.0.1:8000": f"127.0.0.1:{server_port}",
        }.items() | changes.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "holdfast.conf").write_text(text, encoding="utf-8")
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(REST.format(folder=folder, user=user), encoding="utf-8")
        self.log = folder / "error.log"
        self.process = subprocess.Popen([NGINX, "-p", str(folder), "-e", str(self.log), "-c", str(folder / "nginx.conf")])

    def __enter__(self) -> Self:
        until(lambda: listens(self.port) or self.process.poll() is not None, "nginx listens")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def connect(self, source: str = "127.0.0.1", receive_buffer: int | None = None) -> socket.socket:
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", self.port))
        return connection

    def talk(self, request: bytes, source: str = "127.0.0.1") -> tuple[http.client.HTTPResponse, Any]:
        with self.connect(source) as connection:
            connection.sendall(request)
            return read(connection)


def read(connection: socket.socket) -> tuple[http.client.HTTPResponse, Any]:
    """An answer, and what its JSON holds."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response, json.loads(response.read() or b"null")
