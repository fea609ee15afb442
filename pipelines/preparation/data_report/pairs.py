"""Findings on sentence pairs."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from pipelines.preparation.data_report import texts
from pipelines.preparation.data_report.findings import Finding, first
from pipelines.preparation.data_report.languages import language, scripts
from pipelines.preprocessing import near_duplicates

MAX_RATIO, MIN_CHARACTERS = 3.0, 20


def report(sources: Sequence[str], targets: Sequence[str], places: Sequence[str]) -> list[Finding]:
    """Findings on aligned sentences. places: of each pair, "line 7"."""
    findings = [Finding("rows", "info", len(sources), f"{len(sources)} sentence pairs")]
    for name, side in (("source", sources), ("target", targets)):
        findings += texts.contents(side, places, f"{name} sentence")
    pairs = list(zip(sources, targets, strict=True))
    prints = [tuple(map(near_duplicates.fingerprint, pair)) for pair in pairs]
    lengths = np.array([[len(s), len(t)] for s, t in pairs] or [[0, 0]])
    longest, shortest = lengths.max(axis=1), lengths.min(axis=1)
    uneven = np.flatnonzero((longest > MAX_RATIO * shortest) & (longest >= MIN_CHARACTERS))
    seen, translations = set(), defaultdict(set)
    copies = [row for row, pair in enumerate(prints) if pair in seen or seen.add(pair)]
    for source, target in prints:
        translations[source].add(target)
    several = [row for row, (source, _) in enumerate(prints) if len(translations[source]) > 1]
    same = [row for row, (source, target) in enumerate(prints) if source == target and source]
    swapped = _swapped(sources, targets)
    quoted = [row for row, pair in enumerate(pairs) if any(map(_quoted, pair))]
    for code, severity, rows, message in (
        ("duplicates", "warning", copies, "pairs are copies of another one"),
        ("several-translations", "info", several, "pairs have a source with several translations"),
        ("untranslated", "warning", same, "targets equal their source"),
        ("length-ratio", "warning", uneven.tolist(), "pairs have sides of very different lengths"),
        ("sides-swapped", "warning", swapped, "pairs have their languages on the other side"),
        ("quotes", "warning", quoted, "sentences are wrapped in a spreadsheet's quotes"),
    ):
        if rows:
            examples = first(f"{places[row]}: {' | '.join(pairs[row])}" for row in rows)
            findings.append(Finding(code, severity, len(rows), f"{len(rows)} {message}", examples))
    return findings


def _swapped(sources: Sequence[str], targets: Sequence[str]) -> list[int]:
    """Rows with the languages, or scripts, of most other rows the other way round."""
    sides = (
        [language(text) or script for text, script in zip(side, scripts(side), strict=True)]
        for side in (sources, targets)
    )
    kinds = list(zip(*sides, strict=True))
    ((source, target), _), *_ = Counter(kinds).most_common(1) or [(("", ""), 0)]
    if not source or not target or source == target:
        return []
    return [row for row, kind in enumerate(kinds) if kind == (target, source)]


def _quoted(text: str) -> bool:
    text = text.strip()
    return len(text) > 2 and text[0] == text[-1] == '"' and '""' in text[1:-1]
