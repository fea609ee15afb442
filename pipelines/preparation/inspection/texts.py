"""A table as labelled texts: which column is the text and which the label, and what is cleaned."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation.data_report import languages
from pipelines.preparation.data_report import texts as text_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.inspection import text_repairs
from pipelines.preparation.inspection.columns import Column
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preprocessing import near_duplicates

LABEL_NAMES = re.compile(r"label|class|target|category|sentiment|y|kind|topic", re.IGNORECASE)
POSITIVE_NAMES = frozenset(
    ["1", "true", "yes", "y", "pos", "positive", "spam", "toxic", "hate", "fraud", "ja", "oui"]
)
NEGATIVE_NAMES = frozenset(["0", "-1", "false", "no", "n", "neg", "negative", "ham", "nein", "non"])
MAX_NUMBER_CLASSES = 20


@dataclass
class LabelledTexts:
    """Texts that a recipe can read.

    positive: the class to detect. words, characters: how many are in all but the longest texts.
    is_english: whether no other language, nor a script other than Latin, is more frequent.
    overlap: whether a text is in two of the splits that the source gives. cleaned: (text, label,
    split) rows to read in place of the source; None where it is read as it is.
    """

    rows: int
    classes: dict[str, int]
    positive: str | None
    words: int
    characters: int
    distinct_words: int
    is_english: bool
    overlap: bool
    cleaned: list[tuple[str, str, str]] | None
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def label_candidates(profile: Sequence[Column], rows: int) -> list[str]:
    """Columns that could be a label: few values, each of several rows."""
    return [
        column.name for column in profile
        if column.empty < rows / 2 and (
            column.kind == "category"
            or (column.kind == "number" and column.distinct <= min(MAX_NUMBER_CLASSES, rows / 4))
        )
    ]  # fmt: skip


def text_candidates(profile: Sequence[Column]) -> list[str]:
    return [column.name for column in profile if column.kind == "text"]


def columns(
    profile: Sequence[Column], rows: int, path: Path, answers: Answers
) -> tuple[str, str, str]:
    """(text column, label column, reason).

    Raises:
        UserError: `ambiguous-label`, `ambiguous-text`.
    """
    names = [column.name for column in profile]
    by_name = {column.name: column for column in profile}
    text = answers.column("text", path, names)
    label = answers.column("label", path, names)
    if label is None:
        candidates = [n for n in label_candidates(profile, rows) if n != text]
        named = [n for n in candidates if LABEL_NAMES.fullmatch(n)]
        if len(candidates) == 1:
            label = candidates[0]
        elif len(named) == 1:
            label = named[0]
        else:
            readings = [Reading(n, by_name[n].reason) for n in candidates]
            message = f"{len(candidates)} columns could be the label"
            label = answers.settle(Question("label", message, readings, path))
    if text is None:
        candidates = [n for n in text_candidates(profile) if n != label]
        text = candidates[0]
        if len(candidates) > 1:
            readings = [Reading(n, by_name[n].reason) for n in candidates]
            message = f"{len(candidates)} columns hold texts"
            text = answers.settle(Question("text", message, readings, path))
    reason = f"text: {text} ({by_name[text].reason}); label: {label} ({by_name[label].reason})"
    left_out = [name for name in names if name not in (text, label)]
    return text, label, reason + (f"; left out: {', '.join(left_out)}" if left_out else "")


def inspect(
    texts: Sequence[str], labels: Sequence[str], places: Sequence[str], splits: Sequence[str],
    path: Path, answers: Answers, convert: Sequence[str] = (),
) -> LabelledTexts:  # fmt: skip
    """Cleans labelled texts as far as a recipe needs it.

    Args:
        texts, labels, places, splits: of each row; a split is "" where the source gives none.
        convert: why the source cannot be read as it is, so far.

    Raises:
        UserError: where there is more than one way to clean them.
    """
    rows = list(zip(texts, labels, splits, strict=True))
    report = text_report.report(texts, labels, places, [s for s in splits if s])
    reasons, convert = [], list(convert)
    full = [row for row in rows if row[0].strip() and row[1].strip()]
    if len(full) < len(rows):
        convert.append(f"{len(rows) - len(full)} rows without text or label are left out")
    full = text_repairs.merge_variants(full, path, answers, convert)
    full = text_repairs.without_conflicts(full, path, answers, convert)
    full = text_repairs.without_rare(full, path, answers, convert)
    classes = dict(Counter(label for _, label, _ in full).most_common())
    if len(classes) < 2:
        message = f"{len(classes)} class is left; at least two are needed. Is --label right?"
        raise UserError("one-class", message, path=path, key="--label")
    positive, reason = positive_class(classes, path, answers)
    if reason:
        reasons.append(reason)
    if convert:
        reasons.append(f"converted: {'; '.join(convert)}")
    overlap = _overlap(full)
    if overlap:
        reasons.append("texts that are in two splits are reported, not removed")
    remaining = [text for text, _, _ in full]
    lengths = [len(text.split()) for text in remaining]
    return LabelledTexts(
        len(full), classes, positive, int(np.quantile(lengths, 0.97)),
        int(np.quantile([len(text) for text in remaining], 0.97)),
        len({word for text in remaining for word in text.casefold().split()}),
        languages.is_english(remaining), overlap, full if convert else None, reasons, report,
    )  # fmt: skip


def _overlap(rows: list) -> bool:
    """Whether a text is in two of the splits that the source gives."""
    splits: dict[str, str] = {}
    return any(
        split and splits.setdefault(near_duplicates.fingerprint(text), split) != split
        for text, _, split in rows
    )


def positive_class(
    classes: Mapping[str, int], path: Path, answers: Answers
) -> tuple[str | None, str]:
    """The class to detect, of two; None where nothing speaks for one of them."""
    given = answers.get("positive")
    if given is not None:
        return given, f"positive: {given}: given"
    if len(classes) != 2:
        return None, ""
    for name in classes:
        other = next(label for label in classes if label != name)
        if name.casefold() in POSITIVE_NAMES and other.casefold() in NEGATIVE_NAMES:
            return name, f"positive: {name}: by its name"
    return None, "positive: left out, as no name says which class is to be detected"
