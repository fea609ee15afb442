"""Sentence pairs: two columns of a table, or files aligned line by line."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipelines.config.errors import UserError, one_of
from pipelines.preparation import text_files
from pipelines.preparation.data_report import pairs as pair_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.inspection import file_kind, tree
from pipelines.preparation.inspection.columns import Column
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.table import Table
from pipelines.preprocessing import near_duplicates

SPLITS = ("train", "val", "test")
MIN_TOKENS, MAX_TOKENS = 16, 96
LETTERS_A_PIECE = 3.0  # of a sub-word vocabulary of a few thousand


@dataclass
class Pairs:
    """Sentence pairs that a recipe can read.

    source, target: columns of a table. files: split -> two files of a folder. cleaned: pairs to
    read in place of a table; None where it is read as it is.
    """

    rows: int
    source: str | int
    target: str | int
    files: dict[str, list[str]] | None
    encoding: str
    empty: int
    overlap: bool
    characters: int
    tokens: int
    distinct_words: int
    cleaned: list[tuple[str, str]] | None
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def columns(profile: Sequence[Column], path: Path, answers: Answers) -> list[str]:
    """[source, target] column; empty where the table is no list of pairs."""
    names = [column.name for column in profile]
    given = answers.get("pair")
    if given is not None:
        pair = [name.strip() for name in given.split(",")]
        for name in pair:
            if name not in names or len(pair) != 2:
                message = f"give two columns, SOURCE,TARGET; {one_of(name, names)}"
                raise UserError("column-missing", message, path=path, key="--pair", value=given)
        return pair
    texts = [c.name for c in profile if c.kind in ("text", "key") and c.empty < c.distinct]
    if len(texts) < 2 or any(c.kind == "category" for c in profile):
        return []
    if len(texts) == 2:
        return texts
    orders = [f"{a},{b}" for a in texts for b in texts if a != b][:12]
    readings = [Reading(order, "source,target") for order in orders]
    question = Question("pair", f"{len(texts)} columns hold texts", readings, path)
    return answers.settle(question).split(",")


def inspect_table(table: Table, pair: Sequence[str], answers: Answers) -> Pairs:
    """The pairs of two columns."""
    sources, targets = map(table.column, pair)
    convert = list(table.convert)
    if not convert and _quoted(table):
        convert.append("cells are in quotes, which the recipe takes for text")
    places = [f"line {line}" for line in table.lines]
    full = [n for n in range(len(sources)) if sources[n] and targets[n]]
    empty = len(sources) - len(full)
    reasons = [*table.reasons, f"source: {pair[0]}, target: {pair[1]}, as the columns are ordered"]
    if answers.get("pair"):
        reasons[-1] = f"source: {pair[0]}, target: {pair[1]}: given"
    rows = [(_one_line(sources[n]), _one_line(targets[n])) for n in full]
    if empty:
        reasons.append(f"{empty} pairs with an empty side are left out")
    if convert:
        reasons.append(f"converted: {'; '.join(convert)}")
    source, target = pair if table.has_header else [table.names.index(name) for name in pair]
    report = pair_report.report(sources, targets, places)
    return _pairs(
        rows, source, target, None, table.encoding, empty, False, rows if convert else None,
        reasons, report,
    )  # fmt: skip


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(table: Table) -> bool:
    """Whether cutting lines at the delimiter, as the recipe does, gives other cells."""
    raw = text_files.lines(table.path, table.encoding)[1 if table.has_header else 0 :]
    return [line.split(table.delimiter) for line in raw] != table.rows


def inspect_files(root: Path, names: Sequence[str], answers: Answers, ordered: bool) -> Pairs:
    """The pairs of files, line n of one being the translation of line n of the other.

    Args:
        names: of the files, relative to the folder.
        ordered: whether the first is the source, because a person named them in this order.

    Raises:
        UserError: `ambiguous-pair` where source and target, or which languages, are not given.
    """
    languages = _languages(names)
    known = [language for language in languages if len(languages[language]) > 0]
    if ordered and len(names) == 2:
        files, reason = {"all": list(names)}, f"source: {names[0]}, target: {names[1]}: as given"
    else:
        source, target, reason = _direction(root, known, answers)
        files = _by_split(root, languages[source], languages[target], answers)
    encodings = [file_kind.decode(root / name, answers) for pair in files.values() for name in pair]
    encoding = Counter(entry.encoding for entry in encodings).most_common(1)[0][0]
    if len({entry.encoding for entry in encodings}) > 1:
        message = "the files have different encodings; save all of them as UTF-8"
        raise UserError("encodings-mixed", message, path=root)
    sides = {
        split: [[line.strip() for line in text_files.lines(root / n, encoding)] for n in pair]
        for split, pair in files.items()
    }
    for split, (one, other) in sides.items():
        if len(one) != len(other):
            message = (
                f"{files[split][0]} has {len(one)} lines and {files[split][1]} {len(other)}; "
                "line n of one must translate line n of the other"
            )
            raise UserError("files-not-aligned", message, path=root, value=len(other))
    rows = [pair for one, other in sides.values() for pair in zip(one, other, strict=True)]
    places = [f"{files[s][0]}, line {n}" for s in sides for n in range(1, len(sides[s][0]) + 1)]
    empty = sum(not all(pair) for pair in rows)
    train = set(map(near_duplicates.fingerprint, sides.get("train", [[]])[0]))
    later = [s for split in ("val", "test") if split in sides for s in sides[split][0]]
    overlap = any(near_duplicates.fingerprint(text) in train for text in later)
    report = pair_report.report(*zip(*rows, strict=True), places)
    named = ", ".join(f"{split}: {' and '.join(pair)}" for split, pair in files.items())
    reasons = [reason, f"files: {named}"]
    if overlap:
        reasons.append("sentences of train that are in val or test too are reported, not removed")
    return _pairs(rows, 0, 1, files, encoding, empty, overlap, None, reasons, report)


def _languages(names: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Language or other ending -> split ("" for none) -> files."""
    languages: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    common = _common_words(names)
    for name in names:
        words = _words(name)
        rest = [w for w in words if w not in common and w not in tree.SPLITS]
        short = [w for w in rest if re.fullmatch("[a-z]{2,3}", w)]
        languages[(short or rest or [name])[-1]][tree.split_of(name)].append(name)
    return languages


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", PurePosixPath(name).name.casefold())


def _common_words(names: Sequence[str]) -> set[str]:
    return set.intersection(*(set(_words(name)) for name in names))


def _direction(root: Path, known: Sequence[str], answers: Answers) -> tuple[str, str, str]:
    pairs = [(one, other) for one in known for other in known if one != other]
    readings = [Reading(f"{a},{b}", f"from {a} to {b}") for a, b in pairs[:12]]
    message = f"{len(known)} languages: {', '.join(known)}; which is the source, which the target"
    source, target = answers.settle(Question("pair", message, readings, root)).split(",")
    return source, target, f"source: {source}, target: {target}: given or asked"


def _by_split(root: Path, sources: dict, targets: dict, answers: Answers) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for split in ("", *SPLITS):
        one, other = sorted(sources.get(split, [])), sorted(targets.get(split, []))
        if not one or len(one) != len(other):
            continue
        number = 0
        if len(one) > 1:
            readings = [Reading(name, f"with {other[n]}") for n, name in enumerate(one)]
            message = f"several files are {split or 'of no split'}"
            answer = answers.settle(Question(split or "files", message, readings, root))
            number = one.index(answer)
        files[split or "all"] = [one[number], other[number]]
    if set(files) == set(SPLITS) or set(files) == {"all"}:
        return files
    if "all" in files or "train" in files:
        return {"all": files.get("all") or files["train"]}
    message = "no two files with one name and two endings, such as train.en and train.de"
    raise UserError("files-not-paired", message, path=root)


def _pairs(
    rows, source, target, files, encoding, empty, overlap, cleaned, reasons, report
) -> Pairs:  # fmt: skip
    lengths = sorted(max(map(len, pair)) for pair in rows)
    longest = lengths[int(0.98 * (len(lengths) - 1))]
    tokens = round(longest / LETTERS_A_PIECE) + 4
    words = {word for pair in rows for text in pair for word in text.casefold().split()}
    return Pairs(
        len(rows) - empty * (files is not None), source, target, files, encoding, empty, overlap,
        lengths[-1], max(MIN_TOKENS, min(tokens, MAX_TOKENS)), len(words), cleaned, reasons, report,
    )  # fmt: skip
