"""The process that makes one thumbnail: an image comes in at stdin, the thumbnail goes out at stdout.

Nothing goes out where the image is not wider than the thumbnail, nor where it fails; it ends with 1 then.

`python -I -m app.thumbnails.process WIDTH`. It bounds itself before it reads a byte, and imports nothing of the app.
"""

import os
import resource
import sys
from io import BytesIO

MOST_PIXELS = 50_000_000
"""An image has no more, by its header, or it is not decoded: 200 MB in memory."""

MOST_IMAGE_BYTES = 32 * 2**20
"""Of the image as it comes in."""

MEMORY = 1024 * 2**20
CPU_SECONDS = 10

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
"""What Pillow may decode; whatever else it knows, it is not asked."""

_ORIENTATION = 0x0112
_TURNED = {5, 6, 7, 8}


def bound() -> None:
    """Limit what this process may use; it has nothing to write and need not be fast."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(10)


def thumbnail(content: bytes, width: int) -> bytes | None:
    """Make an image of `width` pixels out of a wider one, upright, of its first frame, without what a camera wrote into it.

    A JPEG, or a WebP where something is transparent. Nothing: it is not wider. None: it is too large. Raises as Pillow does.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - within the limits, too

    with Image.open(BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            return None
        is_turned = image.getexif().get(_ORIENTATION) in _TURNED
        shown_width = image.height if is_turned else image.width
        if shown_width <= width:
            return b""
        size = (max(1, round(image.width * width / shown_width)), max(1, round(image.height * width / shown_width)))
        # A JPEG is decoded at an eighth, a quarter or a half of its size where that is enough.
        image.draft("RGB", size)
        image.load()
        is_transparent = image.has_transparency_data
        profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA"} else None
        # Grey of 16 bits: Pillow would cut off what is above 255.
        whole = image.convert("I").point(lambda value: value * (1 / 257)) if image.mode.startswith("I;16") else image
        small = whole.convert("RGBA" if is_transparent else "RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        # convert() and resize() keep the orientation, which is told by what the image had.
        upright = ImageOps.exif_transpose(small)
    made = BytesIO()
    upright.info = {}
    if is_transparent:
        upright.save(made, "WEBP", quality=80, icc_profile=profile)
    else:
        upright.save(made, "JPEG", quality=80, progressive=True, icc_profile=profile)
    return made.getvalue()


def main() -> None:
    """Exit with 0 and a thumbnail, with 0 and nothing where the image is not wider, or with 1 and nothing."""
    bound()
    content = sys.stdin.buffer.read(MOST_IMAGE_BYTES + 1)
    try:
        made = thumbnail(content, int(sys.argv[1])) if len(content) <= MOST_IMAGE_BYTES else None
    except Exception:  # noqa: BLE001 - whatever is wrong with an image, there is no thumbnail of it
        made = None
    if made is None:
        raise SystemExit(1)
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
