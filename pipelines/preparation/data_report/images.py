"""Findings on image files: kinds, colour modes, sizes, duplicates, blank ones; and labels."""

import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report.findings import Finding, evenly_spread, first

READABLE = ("JPEG", "PNG")  # what `prepare` reads
ODD_MODES = {"CMYK", "YCCK", "I;16", "I", "F", "LA", "PA"}
ORIENTATION = 0x0112
SMALL_SIDE, LONG_RATIO = 16, 4.0
HASHED = 3000  # near-duplicates are looked for among the first so many images
MAX_HEADS = 5000  # files whose heads are read where `pixels` are given
MIN_HASHED_SIDE = 32  # a difference hash says nothing of smaller images
BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Facts:
    """What the head of one file says. kind: "JPEG"; "" where it cannot be read, None where it was
    not looked at."""

    kind: str | None = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    rotated: bool = False
    digest: str = ""
    signature: int = -1
    blank: bool = False


def facts(data: bytes, decode: bool = True) -> Facts:
    """Facts of an encoded image. decode: also look at its pixels."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        with Image.open(io.BytesIO(data)) as image:
            rotated = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            head = (image.format or "", image.mode, *image.size, rotated, digest)
            if not decode or image.format not in READABLE:
                return Facts(*head)
            image.draft("L", (64, 64))
            return Facts(*head, *_look(image))
    except (UnidentifiedImageError, *BROKEN):
        return Facts(digest=digest)


def _look(image: Image.Image) -> tuple[int, bool]:
    """(difference hash, -1 for small images; whether the image is of one colour)."""
    small = np.asarray(image.convert("L").resize((9, 8)), np.int16)
    blank = bool(np.ptp(small) == 0)
    if min(image.size) < MIN_HASHED_SIDE:
        return -1, blank
    # Difference hash: is a pixel brighter than its left neighbour?
    bits = (small[:, 1:] > small[:, :-1]).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2), blank


def _facts_of_decoded(files: Iterable[bytes], pixels: Sequence[np.ndarray]) -> list[Facts]:
    """Facts of images that are decoded already: digests of all, heads and pixels of some."""
    rows = []
    examined = set(evenly_spread(len(pixels), MAX_HEADS))
    for row, (data, image) in enumerate(zip(files, pixels, strict=True)):
        if row not in examined:
            rows.append(Facts(None, digest=hashlib.sha256(data).hexdigest()))
            continue
        gray_or_rgb = image[..., 0] if image.shape[-1] == 1 else image
        signature, blank = _look(Image.fromarray(gray_or_rgb))
        rows.append(replace(facts(data, decode=False), signature=signature, blank=blank))
    return rows


def report(
    names: Sequence[str], labels: Sequence[str], files: Iterable[bytes],
    splits: Sequence[str] = (), empty_classes: Sequence[str] = (),
    pixels: Sequence[np.ndarray] | None = None,
) -> list[Finding]:  # fmt: skip
    """Findings on labelled image files.

    Args:
        names, labels, files: of each image: its name, its class, its encoded bytes.
        splits: "train", "val" or "test" of each, where the source says so.
        empty_classes: class folders without a single file.
        pixels: (height, width, channels) uint8 of each image, where they are decoded already.
    """
    if pixels is None:
        rows = [facts(data, decode=row < HASHED) for row, data in enumerate(files)]
    else:
        rows = _facts_of_decoded(files, pixels)
    examined = [n for n, row in enumerate(rows) if row.kind is not None]
    heads, head_names = [rows[n] for n in examined], [names[n] for n in examined]
    findings = [
        Finding("rows", "info", len(rows), f"{len(rows)} image files"),
        *label_report.report(labels, splits),
        *_sizes(heads),
        *_odd(heads, head_names),
        *_duplicates(rows, names, labels),
    ]
    if len(heads) < len(rows):
        message = f"all but copies was looked for in {len(heads)} of the {len(rows)} files"
        findings.append(Finding("sample", "info", len(heads), message))
    if empty_classes:
        message = "class folders without files: these classes are lost"
        examples = first(empty_classes)
        findings.append(Finding("class-lost", "error", len(empty_classes), message, examples))
    return findings


def _sizes(rows: Sequence[Facts]) -> list[Finding]:
    known = [(row.width, row.height) for row in rows if row.kind]
    if not known:
        return []
    widths, heights = np.array(known).T
    message = (
        f"{len(set(known))} sizes, {np.median(widths):.0f} x {np.median(heights):.0f} pixels in "
        f"the median, {widths.min()} x {heights.min()} to {widths.max()} x {heights.max()}"
    )
    return [Finding("sizes", "info", len(set(known)), message)]


def _odd(rows: Sequence[Facts], names: Sequence[str]) -> list[Finding]:
    findings = []
    tests = (
        ("image-unreadable", "error", "files cannot be read", lambda row: not row.kind),
        ("image-kind", "error", "files are neither JPEG nor PNG",
         lambda row: row.kind and row.kind not in READABLE),
        ("image-mode", "warning", "images have an odd colour mode",
         lambda row: row.mode in ODD_MODES),
        ("image-transparent", "warning", "images are transparent, which is left out",
         lambda row: row.mode in ("RGBA", "LA", "PA")),
        ("image-small", "warning", f"images have a side below {SMALL_SIDE} pixels",
         lambda row: row.kind and min(row.width, row.height) < SMALL_SIDE),
        ("image-narrow", "warning", f"images are over {LONG_RATIO:g} times as long as wide",
         lambda row: row.kind
         and max(row.width, row.height) > LONG_RATIO * min(row.width, row.height)),
        ("image-rotated", "warning", "images carry a camera's note to rotate them, not followed",
         lambda row: row.rotated),
        ("image-blank", "warning", "images are of one colour", lambda row: row.blank),
    )  # fmt: skip
    for code, severity, message, matches in tests:
        places = [n for n, row in enumerate(rows) if matches(row)]
        if places:
            examples = first(
                f"{names[n]}: {rows[n].kind or 'unknown kind'} {rows[n].mode} "
                f"{rows[n].width} x {rows[n].height}"
                for n in places
            )
            message = f"{len(places)} {message}"
            findings.append(Finding(code, severity, len(places), message, examples))
    modes = Counter(row.mode for row in rows if row.kind)
    if len(modes) > 1:
        message = "colour modes: " + ", ".join(f"{name} {n}" for name, n in modes.most_common())
        findings.append(Finding("modes-mixed", "info", len(modes), message))
    return findings


def _duplicates(rows: Sequence[Facts], names, labels: Sequence[str]) -> list[Finding]:
    findings = []
    copies, near, blank = defaultdict(list), defaultdict(list), {-1}
    for n, row in enumerate(rows):
        copies[row.digest].append(n)
        if row.signature not in blank and not row.blank:
            near[row.signature].append(n)
    groups = [group for group in copies.values() if len(group) > 1]
    near_groups = [g for g in near.values() if len({rows[n].digest for n in g}) > 1]
    conflicts = [g for g in groups if len({labels[n] for n in g}) > 1]
    for code, severity, members, message in (
        ("duplicates", "warning", groups, "files are copies of another one"),
        ("near-duplicates", "warning", near_groups, "images look like another one"),
        ("label-conflict", "error", conflicts, "files are copies under another label"),
    ):
        count = sum(len(group) - 1 for group in members)
        if count:
            examples = first(f"{names[group[1]]} = {names[group[0]]}" for group in members)
            findings.append(Finding(code, severity, count, f"{count} {message}", examples))
    return findings


def conflicts(files: Iterable[bytes], labels: Sequence[str]) -> bool:
    """Whether one file is there under two labels."""
    first_label: dict[str, str] = {}
    digests = (hashlib.sha256(data).hexdigest() for data in files)
    return any(
        first_label.setdefault(digest, label) != label
        for digest, label in zip(digests, labels, strict=True)
    )
