"""Findings on images with masks: sizes, shares of the classes, images without any class."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pipelines.preparation.data_report.findings import Finding, first

RARE_PERCENT = 1.0  # of the pixels; a class below it is easily never predicted


def report(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray], names: Sequence[str],
    labels: Sequence[str],
) -> list[Finding]:  # fmt: skip
    """Findings on all rows.

    Args:
        images: (h, w, channels) of each.
        masks: (height, width) uint8 class ids of each; ids from len(labels) on are no class.
        names: of the files.
        labels: class names by id.
    """
    counts = np.array([np.bincount(mask.ravel(), minlength=256) for mask in masks])  # (n, 256)
    labelled = counts[:, : len(labels)]
    findings = [
        Finding("rows", "info", len(masks), f"{len(masks)} images with masks"),
        _sizes(masks),
        *_shares(labelled.sum(axis=0), labels),
        *_duplicates(images, names),
    ]
    if ignored := int(counts.sum() - labelled.sum()):
        message = f"{100 * ignored / counts.sum():.1f} % of the pixels have no class"
        findings.append(Finding("pixels-ignored", "info", ignored, message))
    empty = np.flatnonzero(labelled.sum(axis=1) == 0)
    if len(empty):
        message = f"{len(empty)} images have no pixel with a class"
        examples = first(names[row] for row in empty)
        findings.append(Finding("mask-empty", "warning", len(empty), message, examples))
    return findings


def _sizes(masks: Sequence[np.ndarray]) -> Finding:
    sizes = {mask.shape for mask in masks}
    heights, widths = (sorted(side) for side in zip(*sizes, strict=True))
    message = (
        f"{len(sizes)} sizes, {widths[0]} to {widths[-1]} pixels wide, {heights[0]} to "
        f"{heights[-1]} high"
    )
    return Finding("sizes", "info", len(sizes), message)


def _shares(counts: np.ndarray, labels: Sequence[str]) -> list[Finding]:
    percent = 100 * counts / max(counts.sum(), 1)
    shown = ", ".join(
        f"{label} {share:.2f} %" for label, share in zip(labels, percent, strict=True)
    )
    findings = [Finding("class-shares", "info", len(labels), f"of the pixels: {shown}")]
    rare = [label for label, share in zip(labels, percent, strict=True) if share < RARE_PERCENT]
    if rare:
        message = f"classes with less than {RARE_PERCENT:g} % of the pixels: {', '.join(rare)}"
        findings.append(Finding("class-rare", "warning", len(rare), message))
    return findings


def _duplicates(images: Sequence[np.ndarray], names: Sequence[str]) -> list[Finding]:
    rows = defaultdict(list)
    for name, image in zip(names, images, strict=True):
        rows[image.shape, image.tobytes()].append(name)
    copies = [members for members in rows.values() if len(members) > 1]
    if not copies:
        return []
    count = sum(len(members) - 1 for members in copies)
    examples = first(f"{members[1]} = {members[0]}" for members in copies)
    message = f"{count} images are copies of another one"
    return [Finding("duplicates", "warning", count, message, examples)]
