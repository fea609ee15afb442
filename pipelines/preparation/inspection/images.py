"""A folder or zip of images, one folder a class: its splits, sizes and colours."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation.data_report import images as image_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.inspection import texts, tree
from pipelines.preparation.inspection.questions import Answers, Question, Reading

SIDES = (32, 48, 64)  # to which images are stretched: what small networks train on in minutes
SMALL = 40  # sides up to which images keep their size
MANY_BAD = 0.1


@dataclass
class Images:
    """Labelled images that a recipe can read. folders: split -> folder. size: height, width.
    has_other_folders: whether folders that are no classes lie beside the classes."""

    rows: int
    classes: dict[str, int]
    folders: dict[str, str]
    size: tuple[int, int]
    channels: int
    positive: str | None
    skip_bad: bool
    drop_conflicts: bool
    has_other_folders: bool
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def inspect(files: tree.Tree, answers: Answers) -> Images:
    """Looks at every file once.

    Raises:
        UserError: where folders are no classes, or a class has no image that can be read.
    """
    names = [name for name in files.names if not tree.is_note(name)]
    layout = tree.classes(files, names, answers)
    entries = layout.files
    heads = [image_report.facts(files.read(name), decode=False) for name, _, _ in entries]
    labels = [label for _, label, _ in entries]
    report = image_report.report(
        [name for name, _, _ in entries], labels, (files.read(name) for name, _, _ in entries),
        [split for _, _, split in entries if split], files.empty_folders,
    )  # fmt: skip
    readable = [n for n, head in enumerate(heads) if head.kind in image_report.READABLE]
    bad = len(heads) - len(readable)
    counts = Counter(labels[n] for n in readable)
    lost = [label for label in dict.fromkeys(labels) if not counts[label]]
    if lost:
        message = f"no JPEG or PNG in class {lost[0]!r}; convert its files, or remove the folder"
        raise UserError("class-lost", message, path=files.root, value=lost[0])
    if bad > MANY_BAD * len(heads):
        _ask_to_skip(files, entries, heads, readable, answers)
    reasons = list(layout.reasons)
    size, reason = stretched_size([heads[n] for n in readable])
    modes = Counter(heads[n].mode for n in readable)
    channels = 1 if set(modes) <= {"L", "1"} else 3
    reasons += [reason, f"channels: {channels}: colour modes {', '.join(modes)}"]
    classes = dict(counts.most_common())
    positive, why = texts.positive_class(classes, files.root, answers)
    if why:
        reasons.append(why)
    conflict = any(finding.code == "label-conflict" for finding in report)
    if conflict:
        reasons.append("images that are there under two labels are left out")
    bad += layout.extras
    if bad:
        reasons.append(f"{bad} files that are no whole JPEG or PNG are passed over")
    return Images(
        len(readable), classes, layout.folders, size, channels, positive, bool(bad), conflict,
        bool(layout.left_out), reasons, report,
    )  # fmt: skip


def _ask_to_skip(files: tree.Tree, entries, heads, readable, answers: Answers) -> None:
    bad = sorted(set(range(len(heads))) - set(readable))
    name, kind = entries[bad[0]][0], heads[bad[0]].kind or "unknown"
    readings = [Reading("skip", f"the {len(readable)} JPEG and PNG files alone are read")]
    message = f"{len(bad)} of {len(heads)} files are no JPEG or PNG, as {name} ({kind})"
    answers.settle(Question("bad-files", message, readings, files.root))


def stretched_size(heads: list[image_report.Facts]) -> tuple[tuple[int, int], str]:
    """(height and width to stretch to, the reason)."""
    heights, widths = (np.array([getattr(h, side) for h in heads]) for side in ("height", "width"))
    if np.ptp(heights) == 0 and np.ptp(widths) == 0 and max(heights[0], widths[0]) <= SMALL:
        size = (int(heights[0]), int(widths[0]))
        return size, f"size: {size[0]} x {size[1]}, as all of them have"
    middle = float(np.median(np.minimum(heights, widths)))
    side = min(SIDES, key=lambda s: abs(s - middle)) if middle < SIDES[-1] else SIDES[-1]
    reason = f"size: {side} x {side}: small networks train on it in minutes (median {middle:.0f})"
    return (side, side), reason
