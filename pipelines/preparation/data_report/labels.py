"""Findings on class labels: sizes, variants of one name, classes that a split lacks."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from pipelines.preparation.data_report.findings import Finding, first

RARE_ROWS = 10
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d*)?", re.ASCII)
IMBALANCED = 0.9
MISSING = frozenset(
    ["", "na", "n/a", "nan", "#n/a", "null", "none", "nil", "-", "--", "?", "unknown", "undefined"]
)
# Cyrillic and Greek letters that look like Latin ones (after Unicode's confusables.txt).
LOOK_ALIKES = str.maketrans(
    "АВЕКМНОРСТХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονρ", "ABEKMHOPCTXaeopcyxijsABEZHIKMNOPTYXaovp"
)


def report(labels: Sequence[str], splits: Sequence[str] = ()) -> list[Finding]:
    """Findings on the label of each row.

    Args:
        labels: the class of each row, as it is written.
        splits: "train", "val" or "test" of each row, where the source says so.
    """
    counts = Counter(labels)
    sizes = ", ".join(f"{name!r} {count}" for name, count in counts.most_common(6))
    more = f" and {len(counts) - 6} more" if len(counts) > 6 else ""
    findings = [Finding("classes", "info", len(counts), f"{len(counts)} classes: {sizes}{more}")]
    if len(counts) < 2:
        findings.append(Finding("one-class", "error", 1, "only one class; two are needed"))
    return [*findings, *_sizes(counts), *_names(counts), *_lost(counts, labels, splits)]


def variants(labels: Sequence[str]) -> list[list[str]]:
    """Groups of labels that differ only by case, white space, width, look-alike letters or how a
    number is written; the most frequent one first."""
    groups: dict[str, Counter] = defaultdict(Counter)
    for label, count in Counter(labels).items():
        groups[_skeleton(label)][label] = count
    return [
        [name for name, _ in group.most_common()] for group in groups.values() if len(group) > 1
    ]


def _skeleton(label: str) -> str:
    visible = "".join(c for c in label if unicodedata.category(c) != "Cf")  # no zero-width spaces
    plain = unicodedata.normalize("NFKC", visible).translate(LOOK_ALIKES)
    joined = " ".join(plain.casefold().split())
    return str(float(joined)) if _NUMBER.fullmatch(joined) else joined  # 1 = 1.0 = 01


def _sizes(counts: Counter) -> list[Finding]:
    findings, rows = [], counts.total()
    rare = sorted((count, name) for name, count in counts.items() if count < RARE_ROWS)
    if rare:
        message = f"{len(rare)} classes have fewer than {RARE_ROWS} rows"
        examples = first(f"{name!r}: {count}" for count, name in rare)
        findings.append(Finding("class-rare", "warning", len(rare), message, examples))
    ((name, most),) = counts.most_common(1) or [("", 0)]
    if len(counts) > 1 and most > IMBALANCED * rows:
        message = f"{most / rows:.1%} of the rows are {name!r}: accuracy says little here"
        findings.append(Finding("class-imbalance", "warning", most, message))
    return findings


def _names(counts: Counter) -> list[Finding]:
    findings = []
    groups = variants(list(counts))
    if groups:
        message = "labels that differ only by case, space or look-alike letters"
        examples = first(" = ".join(f"{n!r} ({counts[n]})" for n in group) for group in groups)
        findings.append(Finding("label-variants", "warning", len(groups), message, examples))
    missing = [name for name in counts if name.strip().casefold() in MISSING]
    if missing:
        rows = sum(counts[name] for name in missing)
        message = f"{rows} rows have a label that reads as a missing value"
        examples = first(f"{name!r}: {counts[name]}" for name in missing)
        findings.append(Finding("label-missing", "warning", rows, message, examples))
    return findings


def _lost(counts: Counter, labels: Sequence[str], splits: Sequence[str]) -> list[Finding]:
    present = defaultdict(set)
    for split, label in zip(splits, labels, strict=False):
        present[split].add(label)
    lost = [(s, n) for s, names in present.items() if s for n in counts if n not in names]
    if not lost:
        return []
    examples = first(f"{name!r} is not in {split}" for split, name in lost)
    message = "classes that a split lacks"
    return [Finding("class-lost", "error", len(lost), message, examples)]
