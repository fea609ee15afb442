"""A folder or zip of WAV files, one folder a class: sampling rates, lengths, silent files."""

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import sounds
from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report.findings import Finding, first
from pipelines.preparation.inspection import tree
from pipelines.preparation.inspection.questions import Answers, Question, Reading

LONGEST_WINDOW_S = 3.0  # of longer recordings models see windows


@dataclass
class Sounds:
    """Labelled recordings that a recipe can read. folders: split -> folder. convert: whether other
    sampling rates are converted to rate_hz. windows: how many all recordings have.
    has_other_folders: whether folders that are no classes lie beside the classes."""

    rows: int
    classes: dict[str, int]
    folders: dict[str, str]
    rate_hz: int
    convert: bool
    window_seconds: float
    windows: int
    skip_bad: bool
    has_other_folders: bool
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def inspect(files: tree.Tree, answers: Answers) -> Sounds:
    """Reads every file once.

    Raises:
        UserError: folders that are no classes, a class without a readable file; `ambiguous-rate`
            and `ambiguous-bad-files`.
    """
    names = [name for name in files.names if is_sound(name)]
    layout = tree.classes(files, names, answers)
    heads, bad = [], []
    for name, label, split in layout.files:
        try:
            wav = sounds.decode(files.read(name), files.root / name)
        except UserError as error:
            bad.append(error)
            continue
        heads.append((wav.rate_hz, len(wav.samples) / wav.rate_hz, label, split))
    if bad:
        _ask_to_skip(files, bad, len(heads), answers)
    counts = Counter(label for _, _, label, _ in heads)
    if lost := {label for _, label, _ in layout.files} - set(counts):
        message = f"no WAV file with a sound in class {min(lost)!r}; repair its files, or remove it"
        raise UserError("class-lost", message, path=files.root, value=min(lost))
    rate_hz, convert, why = _rate(files, Counter(rate for rate, *_ in heads), answers)
    seconds = np.array([length for _, length, *_ in heads])
    window = _window(seconds)
    windows = int(np.maximum(1, np.floor(2 * seconds / window) - 1).sum())
    reasons = [
        *layout.reasons, why,
        f"window_seconds: {window:g}; recordings have {seconds.min():.2f} to {seconds.max():.2f} s",
        "recordings are split one by one; where several are of one speaker or machine, set "
        "`group`, which holds them in one split",
    ]  # fmt: skip
    if others := len(files.names) - len(names):
        reasons.append(f"{others} files that are no WAV files are passed over")
    labels, splits = ([head[place] for head in heads] for place in (2, 3))
    report = [
        Finding(
            "rows", "info", len(heads), f"{len(heads)} recordings, {seconds.sum() / 60:.1f} minutes"
        ),
        *label_report.report(labels, [split for split in splits if split]),
    ]
    if bad:
        message = f"{len(bad)} files cannot be read or are silent"
        examples = first(str(error.path) for error in bad)
        report.append(Finding("sounds-bad", "warning", len(bad), message, examples))
    return Sounds(
        len(heads), dict(counts.most_common()), layout.folders, rate_hz, convert, window, windows,
        bool(bad), bool(layout.left_out), reasons, report,
    )  # fmt: skip


def is_sound(name: str) -> bool:
    return name.casefold().endswith((".wav", ".wave"))


def _ask_to_skip(files: tree.Tree, bad: list[UserError], rest: int, answers: Answers) -> None:
    readings = [Reading("skip", f"the {rest} other files alone are read")]
    message = f"{len(bad)} files cannot be used: {bad[0].path}, {bad[0].message}, is the first"
    answers.settle(Question("bad-files", message, readings, files.root))


def _rate(files: tree.Tree, rates: Counter[int], answers: Answers) -> tuple[int, bool, str]:
    """(samples a second, whether files are converted, the reason)."""
    ((rate_hz, _),) = rates.most_common(1)
    if len(rates) == 1:
        return rate_hz, False, f"rate_hz: {rate_hz}, as all files have"
    shown = ", ".join(f"{rate} ({count} files)" for rate, count in rates.most_common())
    readings = [
        Reading(str(rate), f"files with other rates are converted to {rate} samples a second")
        for rate, _ in rates.most_common()
    ]
    question = Question("rate", f"several sampling rates: {shown}", readings, files.root)
    rate_hz = int(answers.settle(question))
    return rate_hz, True, f"rate_hz: {rate_hz}; others are converted"


def _window(seconds: np.ndarray) -> float:
    """What nine of ten recordings fit into, rounded up to a tenth; at most LONGEST_WINDOW_S."""
    return min(LONGEST_WINDOW_S, math.ceil(10 * float(np.quantile(seconds, 0.9)) - 1e-6) / 10)
