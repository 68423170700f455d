"""What is found out of a file while its bytes pass by."""

import hashlib

from app.media.content import HEAD_BYTES, dimensions, sniff
from app.media.schemas import FileFacts


class Facts:
    """Of a file whose bytes are taken one piece after the other."""

    def __init__(self) -> None:
        self.size = 0
        self._head, self._hash = bytearray(), hashlib.sha256()

    def take(self, chunk: bytes) -> None:
        """Look at the next piece."""
        self.size += len(chunk)
        self._head += chunk[: HEAD_BYTES - len(self._head)]
        self._hash.update(chunk)

    def found(self) -> FileFacts:
        """What the file is, once all of it was taken."""
        head = bytes(self._head)
        content_type = sniff(head)
        return FileFacts(content_type, self.size, self._hash.hexdigest(), *dimensions(content_type, head))
