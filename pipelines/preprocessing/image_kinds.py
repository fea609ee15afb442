"""Kinds of images that are not read, by their first bytes, with how to make JPEG or PNG of them."""

_PILLOW = (
    "convert it: python -c \"from PIL import Image; Image.open('FILE').convert('RGB')"
    ".save('FILE.png')\""
)
_HEIC = (
    "convert it to JPEG (macOS: sips -s format jpeg FILE --out FILE.jpg; Linux: heif-convert FILE "
    "FILE.jpg), and set the iPhone's camera to `Most Compatible`"
)
_AVIF = "convert it to PNG: avifdec FILE FILE.png"
_JXL = "convert it to PNG: djxl FILE FILE.png"
_MAGICK = "convert it to PNG: magick FILE FILE.png"
KINDS = (
    (b"GIF8", "a GIF", _PILLOW), (b"BM", "a BMP", _PILLOW), (b"II*\0", "a TIFF", _PILLOW),
    (b"MM\0*", "a TIFF", _PILLOW), (b"\xff\x0a", "a JPEG XL", _JXL),
    (b"\0\0\0\x0cJXL ", "a JPEG XL", _JXL), (b"\0\0\0\x0cjP  ", "a JPEG 2000", _PILLOW),
    (b"\xff\x4f\xff\x51", "a JPEG 2000", _PILLOW), (b"8BPS", "a Photoshop", _MAGICK),
    (b"\0\0\1\0", "an icon", _PILLOW), (b"%PDF-", "a PDF", _MAGICK), (b"<svg", "an SVG", _MAGICK),
    (b"DDS ", "a DDS", _PILLOW), (b"SIMPLE", "a FITS", _MAGICK),
)  # fmt: skip
# Brands of ISO base media files: https://www.iana.org/assignments/media-types/image
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
                    ("a HEIC", _HEIC)),
    **dict.fromkeys((b"avif", b"avis"), ("an AVIF", _AVIF)),
}  # fmt: skip


def refusal(data: bytes) -> str:
    """What a file is that is no JPEG or PNG, and how to make one of it."""
    if not data:
        return "the file is empty; remove it, or fetch it again"
    kind = _kind(data)
    if kind is None:
        return "not an image; give a JPEG or PNG file, or remove it"
    name, cure = kind
    return f"{name} file; JPEG and PNG are read: {cure}"


def _kind(data: bytes) -> tuple[str, str] | None:
    if data[4:8] == b"ftyp":
        brands = [data[8:12], *(data[start : start + 4] for start in range(16, 64, 4))]
        known = [BRANDS[brand] for brand in brands if brand in BRANDS]
        is_avif = next((kind for kind in known if kind[0] == "an AVIF"), None)  # mif1 is of both
        return is_avif or next(iter(known), ("a video", "cut single images from it"))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "a WebP", _PILLOW
    return next(((name, cure) for start, name, cure in KINDS if data.startswith(start)), None)
