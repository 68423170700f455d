"""What the bytes of a file are, and how they may be served."""

import codecs
import mimetypes
import re
from io import BytesIO
from urllib.parse import quote

import filetype
import imagesize

HEAD_BYTES = 256 * 1024
"""Of a file's begin, what is looked at: a photo has its size after a preview and a colour profile."""

_IMAGES = {"image/avif", "image/bmp", "image/gif", "image/heic", "image/jpeg", "image/png", "image/tiff", "image/webp"}

INLINE = (_IMAGES - {"image/heic", "image/tiff"}) | {
    "audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm",
    "text/plain",
    "video/mp4", "video/ogg", "video/quicktime", "video/webm",
}  # fmt: skip
"""What a browser shows and cannot run. Anything else, PDF among it, is a download."""

_USUAL_NAMES = {"audio/x-flac": "audio/flac", "audio/x-wav": "audio/wav", "video/x-m4v": "video/mp4"}

_PRINTED = {"application/pdf", "application/postscript", "application/rtf"}
"""What is made of text alone, and is another thing all the same."""

_BY_NAME = mimetypes.MimeTypes()
"""What Python itself knows: the same on every machine."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def sniff(head: bytes) -> str:
    """Tell the media type from the first bytes; application/octet-stream when they say nothing."""
    text = _text(head)
    found = filetype.guess_mime(head)
    if text is None:
        return _USUAL_NAMES.get(found, found) if found else "application/octet-stream"
    if found in _PRINTED:
        return str(found)
    return _markup(text.lstrip("\ufeff \t\r\n\f")[:4096].lower()) or "text/plain"


def _text(head: bytes) -> str | None:
    """The bytes as text in UTF-8, of which the last character may be cut off. None: they are none."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _markup(text: str) -> str | None:
    if not text.startswith("<"):
        return None
    if "<svg" in text:
        return "image/svg+xml"
    return "application/xml" if text.startswith("<?xml") and "<html" not in text else "text/html"


def dimensions(content_type: str, head: bytes) -> tuple[int, int] | tuple[None, None]:
    """Read width and height in pixels off an image's header, as it is shown; nothing is decompressed.

    For HEIF and AVIF as it is stored: what it takes to know more can be forged into billions of steps.
    """
    if content_type not in _IMAGES:
        return None, None
    turned = content_type not in {"image/avif", "image/heic"}
    width, height = imagesize.get(BytesIO(head), exif_rotation=turned)
    return (width, height) if 0 < width < 2**31 and 0 < height < 2**31 else (None, None)


def headers(file_name: str, content_type: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that say what a file is and what a browser may do with it: never run it.

    A text whose name promises a script or a page is a download, too.
    """
    named = _BY_NAME.guess_type(file_name)[0]
    is_named_as_it_is = content_type != "text/plain" or named in {None, "text/plain", "text/csv", "text/markdown"}
    inline = content_type in INLINE and is_named_as_it_is
    shown = "text/plain; charset=utf-8" if content_type == "text/plain" else content_type
    return (
        (b"content-type", shown.encode() if inline else b"application/octet-stream"),
        (b"content-disposition", _disposition("inline" if inline else "attachment", file_name)),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
    )


def _disposition(kind: str, file_name: str) -> bytes:
    """RFC 6266: the name in ASCII for those who know no better, and whole (RFC 8187)."""
    plain = re.sub(r"[^ !#$&+.0-9A-Z^_`a-z{}|~()-]", "_", file_name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}".encode("ascii")
