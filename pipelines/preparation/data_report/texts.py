"""Findings on texts: lengths, duplicates, damage, mixed scripts; and on their labels."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report import languages
from pipelines.preparation.data_report.findings import Finding, first
from pipelines.preprocessing import near_duplicates

MAX_COMPARED = 5_000  # near-duplicates are looked for among the first so many texts
# UTF-8 that was read as Windows-1252 or Latin-1, and the mark of a byte that could not be read.
MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf]|â[€\u0080][\u0080-\u00bf“”™˜œ\u009d¦]|\ufffd")
MARKUP = re.compile(r"</?(?:p|br|div|span|a|b|i|li|ul|h\d)\b[^>]*>|&(?:amp|lt|gt|quot|nbsp|#\d+);")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def report(
    texts: Sequence[str], labels: Sequence[str], places: Sequence[str],
    splits: Sequence[str] = (), near_groups: Mapping[str, int] | None = None,
) -> list[Finding]:  # fmt: skip
    """Findings on labelled texts.

    Args:
        texts, labels, places: of each row; a place is "line 7" or "reviews/pos/1.txt".
        splits: "train", "val" or "test" of each row, where the source says so.
        near_groups: fingerprint -> group number, which near-duplicates share, where that is
            computed already; None: it is computed here for the first MAX_COMPARED texts.
    """
    prints = [near_duplicates.fingerprint(text) for text in texts]
    return [
        Finding("rows", "info", len(texts), f"{len(texts)} texts"),
        *label_report.report(labels, splits),
        *_duplicates(texts, places, prints, near_groups),
        *contents(texts, places),
        *_conflicts(texts, labels, places, prints),
    ]


def contents(texts: Sequence[str], places: Sequence[str], name: str = "text") -> list[Finding]:
    """Findings on each text by itself. name: what one is called in the messages."""
    findings = [_lengths(texts, name)]
    tests: tuple[tuple[str, str, Callable], ...] = (
        ("text-empty", f"{name}s are empty", lambda text: not text.strip()),
        ("text-missing", f"{name}s read as a missing value", _is_missing),
        ("encoding-damage", f"{name}s were decoded wrongly once (Ã¤ for ä)", _is_damaged),
        ("markup", f"{name}s hold HTML tags or entities", MARKUP.search),
        ("control-characters", f"{name}s hold control characters", CONTROL.search),
    )
    for code, message, matches in tests:
        rows = [row for row, text in enumerate(texts) if matches(text)]
        if rows:
            severity = "error" if code == "text-empty" else "warning"
            examples = first(f"{places[row]}: {texts[row]}" for row in rows)
            findings.append(Finding(code, severity, len(rows), f"{len(rows)} {message}", examples))
    return [*findings, *languages.report(texts, places)]


def _is_damaged(text: str) -> bool:
    return not text.isascii() and bool(MOJIBAKE.search(text))


def _is_missing(text: str) -> bool:
    plain = text.strip().casefold()
    return bool(plain) and plain in label_report.MISSING | {"[deleted]", "[removed]"}


def _lengths(texts: Sequence[str], name: str) -> Finding:
    words = np.array([len(text.split()) for text in texts] or [0])
    characters = np.array([len(text) for text in texts] or [0])
    message = (
        f"{name}s have {np.median(words):.0f} words in the median, {words.max()} at most "
        f"({characters.max()} characters)"
    )
    return Finding("lengths", "info", int(words.max()), message)


def _duplicates(
    texts: Sequence[str], places: Sequence[str], prints: Sequence[str],
    near_groups: Mapping[str, int] | None,
) -> list[Finding]:  # fmt: skip
    findings, groups = [], defaultdict(list)
    for row, text in enumerate(prints):
        groups[text].append(row)
    again = [rows for rows in groups.values() if len(rows) > 1]
    if again:
        count = sum(len(rows) - 1 for rows in again)
        examples = first(f"{places[r[1]]} = {places[r[0]]}: {texts[r[0]]}" for r in again)
        message = f"{count} texts are copies of another one"
        findings.append(Finding("duplicates", "warning", count, message, examples))
    distinct = [rows[0] for rows in groups.values()]
    if near_groups is None:
        compared = distinct[:MAX_COMPARED]
        near = near_duplicates.group_near_duplicates([texts[row] for row in compared])
    else:
        compared = [row for row in distinct if prints[row] in near_groups]
        near = np.array([near_groups[prints[row]] for row in compared], np.int64)
    limit = "" if len(compared) == len(distinct) else f" (of the {len(compared)} compared)"
    return [*findings, *_near_duplicates(texts, places, compared, near, limit)]


def _near_duplicates(
    texts: Sequence[str], places: Sequence[str], rows: Sequence[int], groups: np.ndarray, limit: str
) -> list[Finding]:
    """groups: of each of the rows; near-duplicates share one."""
    _, starts, sizes = np.unique(groups, return_index=True, return_counts=True)
    count = int((sizes - 1).sum())
    if not count:
        message = f"no near-duplicates{limit}"
        return [Finding("near-duplicates", "info", 0, message)] if limit else []
    first_of = dict(zip(groups[starts].tolist(), starts.tolist(), strict=True))
    pairs = [(first_of[g], n) for n, g in enumerate(groups.tolist()) if first_of[g] != n]
    examples = first(f"{places[rows[b]]} ~ {places[rows[a]]}: {texts[rows[b]]}" for a, b in pairs)
    message = f"{count} more texts share at least 70 % of their words with another one{limit}"
    return [Finding("near-duplicates", "warning", count, message, examples)]


def _conflicts(
    texts: Sequence[str], labels: Sequence[str], places: Sequence[str], prints: Sequence[str]
) -> list[Finding]:
    rows = _conflicting(prints, labels)
    if not rows:
        return []
    examples = first(f"{places[row]}: {labels[row]!r}: {texts[row]}" for row in rows)
    message = f"{len(rows)} rows repeat a text under another label"
    return [Finding("label-conflict", "error", len(rows), message, examples)]


def conflicts(texts: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The rows whose text also has another label."""
    return _conflicting([near_duplicates.fingerprint(text) for text in texts], labels)


def _conflicting(prints: Sequence[str], labels: Sequence[str]) -> list[int]:
    names = defaultdict(set)
    for text, label in zip(prints, labels, strict=True):
        names[text].add(label)
    return [row for row, text in enumerate(prints) if len(names[text]) > 1]
