"""Labelled texts become splits on disk: duplicates, split, vocabulary, arrays; for every recipe.

What the source has split stays as it is: duplicates are dropped within its splits, and a text that
is in two of them is refused or reported. Statistics (here: the vocabulary) come from train only.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT, Count
from pipelines.config.written_texts import Label
from pipelines.preparation import (
    empty_texts,
    split_checks,
    splits,
    text_arrays,
    text_splits,
    validation,
)
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report import texts as text_report
from pipelines.preparation.label_names import LabelNames
from pipelines.preparation.splits import TextSplit
from pipelines.preparation.text_arrays import Input, InputName, Row
from pipelines.preprocessing import near_duplicates


class Options(BaseModel):
    """What is done with the texts, whatever file they come from.

    Args:
        labels: class names for the labels in the source: {0: neg, 1: pos}. Several labels may have
            one class; other labels are refused.
        positive: the class to detect, for two-class tasks: its threshold is calibrated.
        inputs: one block per Keras input.
        empty: refuse | drop rows without a text or label.
        sample_rows: read all, and use only so many rows, drawn at random.
        duplicates: drop (keep the first) | keep.
        conflicts: refuse | drop (all of them): what to do with a text that has two labels.
        overlap: refuse | report | drop: what to do when a text of one split is also in another;
            drop keeps that of test, and that of val rather than that of train.
        split: how rows become train, val and test.
    """

    model_config = STRICT
    labels: LabelNames | None = None
    positive: Label | None = None
    inputs: Annotated[dict[InputName, Input], Field(min_length=1)] = {"words": Input()}
    empty: empty_texts.Empty = "refuse"
    sample_rows: Count | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    conflicts: Literal["refuse", "drop"] = "refuse"
    overlap: split_checks.Overlap = "refuse"
    split: TextSplit = TextSplit()


def prepare(
    source: Path, rows: Sequence[Row], options: Options, out: Path, seed: int,
    form: Mapping[str, Any] | None = None,
) -> spec.DataSpec:  # fmt: skip
    """Writes every repeat into out/repeat<i>/ and returns the spec that describes them.

    Args:
        source: for messages.
        rows: all texts of the source.
        options: what is done with them.
        out: an empty folder.
        seed: of the random draws.
        form: of a request's text, for the spec's `task_metadata`; see `joined_text`.
    """
    rows = splits.sample(source, rows, options.sample_rows, seed)
    labels = validation.classes(source, [row.label for row in rows], options.positive)
    all_rows = rows
    if options.duplicates == "drop":
        rows = drop_duplicates(source, rows, options.conflicts)
    targets = np.array([labels.index(row.label) for row in rows], np.int32)
    fingerprints = [near_duplicates.fingerprint(row.text) for row in rows]
    duplicate_ids = _enumerate(fingerprints)
    texts, given_splits = [row.text for row in rows], [row.split for row in rows]
    repeats, groups = text_splits.split_texts(
        source, options.split, texts, given_splits, targets, seed
    )
    truncated = []
    for number, rows_of in enumerate(repeats):
        if options.overlap == "drop":
            rows_of = split_checks.without_overlap(source, rows_of, duplicate_ids)
        split_checks.require_all_classes(source, rows_of, targets, labels, groups)
        check_overlap(source, rows, rows_of, duplicate_ids, options)
        seen = np.isin(duplicate_ids, duplicate_ids[rows_of["train"]])
        folder = out / f"repeat{number}"
        truncated.append(
            text_arrays.write_repeat(folder, rows_of, rows, targets, seen, options.inputs)
        )
    for name, settings in options.inputs.items():
        if most := max(counts[name] for counts in truncated):
            print(
                f"{source}: {most} of {len(rows)} texts are truncated after {settings.max_tokens} "
                f"tokens; raise inputs.{name}.max_tokens to keep them whole"
            )
    write_report(out, all_rows, fingerprints, groups)
    described = text_arrays.describe(options.inputs, out, labels, options.positive, len(repeats))
    return replace(described, task_metadata=dict(form or {}))


def write_report(
    out: Path, rows: Sequence[Row], fingerprints: Sequence[str], groups: np.ndarray | None
) -> None:
    """The data report on all rows, also those that are dropped.

    Args:
        out: the folder for it.
        rows: as the recipe has read them.
        fingerprints, groups: of the rows that were split; see `text_splits.split_texts`.
    """
    near_groups = None
    if groups is not None:
        near_groups = {
            fingerprint: group
            for fingerprint, group in zip(fingerprints, groups.tolist(), strict=True)
            if group >= 0
        }
    texts, labels, places, splits = zip(
        *((row.text, row.label, row.short_place, row.split) for row in rows), strict=True
    )
    report = text_report.report(texts, labels, places, splits, near_groups)
    findings.write(out, findings.accepted(report))


def drop_duplicates(
    source: Path, rows: Sequence[Row], conflicts: Literal["refuse", "drop"]
) -> list[Row]:
    """The first of equal texts in each split that the source gives.

    Args:
        source: for messages.
        rows: of the source.
        conflicts: refuse | drop equal texts with different labels.
    """
    if conflicts == "drop":
        rows = without_conflicts(source, rows)
    keys = ((row.split, near_duplicates.fingerprint(row.text)) for row in rows)
    duplicate_ids = _enumerate(keys)
    validation.require_consistent_labels(
        [row.place(source) for row in rows], duplicate_ids, [row.label for row in rows]
    )
    first = np.sort(np.unique(duplicate_ids, return_index=True)[1])
    if len(first) < len(rows):
        print(f"{source}: {len(rows) - len(first)} duplicates dropped, {len(first)} texts kept")
    return [rows[row] for row in first]


def without_conflicts(source: Path, rows: Sequence[Row]) -> list[Row]:
    """The rows whose text has one label in the whole source."""
    labels = defaultdict(set)
    for row in rows:
        labels[near_duplicates.fingerprint(row.text)].add(row.label)
    consistent = [row for row in rows if len(labels[near_duplicates.fingerprint(row.text)]) == 1]
    if len(consistent) < len(rows):
        count = len(rows) - len(consistent)
        print(f"{source}: {count} rows dropped, whose text has several labels (conflicts: drop)")
    return consistent


def _enumerate(keys: Iterable[Hashable]) -> np.ndarray:
    """A number for every key; equal keys share one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def check_overlap(
    source: Path, rows: Sequence[Row], splits: Mapping[str, np.ndarray],
    duplicate_ids: np.ndarray, options: Options,
) -> None:  # fmt: skip
    """Refuses texts that are in two splits, or prints how many there are."""
    if options.overlap == "refuse":
        split_checks.require_disjoint(
            {
                split: ([rows[row].place(source) for row in numbers], duplicate_ids[numbers])
                for split, numbers in splits.items()
            }
        )
    for split in ("val", "test"):
        shared = np.isin(duplicate_ids[splits[split]], duplicate_ids[splits["train"]])
        if shared.any():
            print(f"{source}: {shared.sum()} of {len(shared)} {split} texts are also in train")
