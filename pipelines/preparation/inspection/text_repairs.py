"""What must be put right in labelled texts: labels written in two ways, conflicts, rare classes.

Rows are (text, label, split). Why a source cannot be read as it is is added to `convert`.
"""

from collections import Counter
from pathlib import Path

from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report import texts as text_report
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preprocessing import near_duplicates

LEAST_ROWS = 6  # of a class: with fewer, train, val and test cannot each have one


def merge_variants(rows: list, path: Path, answers: Answers, convert: list[str]) -> list:
    """Labels that differ only in how they are written become one."""
    groups = label_report.variants([label for _, label, _ in rows])
    if not groups:
        return rows
    shown = "; ".join(" = ".join(map(repr, group)) for group in groups[:5])
    readings = [
        Reading("merge", f"each group is one class: {shown}"), Reading("keep", "all are classes")
    ]  # fmt: skip
    message = f"labels that differ only by case, space or look-alike letters: {shown}"
    if answers.settle(Question("label-variants", message, readings, path)) == "keep":
        return rows
    names = {name: group[0] for group in groups for name in group}
    convert.append(f"{len(names)} ways to write {len(groups)} labels become one each")
    return [(text, names.get(label, label), split) for text, label, split in rows]


def without_conflicts(rows: list, path: Path, answers: Answers, convert: list[str]) -> list:
    """Each text has one label."""
    conflicts = set(text_report.conflicts([row[0] for row in rows], [row[1] for row in rows]))
    if not conflicts:
        return rows
    example = rows[min(conflicts)][0][:60]
    readings = [
        Reading("drop", f"all {len(conflicts)} rows are left out"),
        Reading("first", "the label of the first row of each text"),
    ]
    message = f"{len(conflicts)} rows repeat a text under another label, as {example!r}"
    answer = answers.settle(Question("conflicts", message, readings, path))
    if answer == "drop":
        convert.append(f"{len(conflicts)} rows of one text under several labels are left out")
        return [row for n, row in enumerate(rows) if n not in conflicts]
    first: dict[str, str] = {}
    for text, label, _ in rows:
        first.setdefault(near_duplicates.fingerprint(text), label)
    convert.append(f"{len(conflicts)} rows of one text get the label of its first row")
    return [(t, first[near_duplicates.fingerprint(t)], split) for t, _, split in rows]


def without_rare(rows: list, path: Path, answers: Answers, convert: list[str]) -> list:
    """Each class has enough texts for three splits."""
    distinct = {(near_duplicates.fingerprint(text), label) for text, label, _ in rows}
    counts = Counter(label for _, label in distinct)
    rare = [name for name, count in counts.items() if count < LEAST_ROWS]
    if not rare or any(split for _, _, split in rows):
        return rows
    shown = ", ".join(f"{name!r} ({counts[name]})" for name in rare[:8])
    readings = [
        Reading("drop", f"{sum(counts[n] for n in rare)} rows of {len(rare)} classes are left out"),
        Reading("merge", "they become one class, `other`"),
    ]
    message = (
        f"classes with fewer than {LEAST_ROWS} texts cannot be in train, val and test: {shown}"
    )
    answer = answers.settle(Question("rare-classes", message, readings, path))
    if answer == "drop":
        convert.append(f"{len(rare)} classes with fewer than {LEAST_ROWS} texts are left out")
        return [row for row in rows if row[1] not in rare]
    convert.append(f"{len(rare)} rare classes become `other`")
    return [(t, "other" if label in rare else label, split) for t, label, split in rows]
