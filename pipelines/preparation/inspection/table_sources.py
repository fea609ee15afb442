"""Tables as sources: which task the columns are for; one file, or one for each split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pipelines.config.errors import UserError
from pipelines.preparation.data_report import columns as column_report
from pipelines.preparation.inspection import columns as column_kinds
from pipelines.preparation.inspection import (
    file_kind,
    pairs,
    series,
    table,
    text_sources,
    texts,
    tree,
)
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.source import TASKS, Source, make


def one(path: Path, kind: str, answers: Answers, convert: Sequence[str] = ()) -> Source:
    """A table, or lines that begin with their label.

    Args:
        convert: why no recipe reads the file where it is.
    """
    rows = table.read(path, kind, answers)
    if rows is None:
        return text_sources.labelled_lines(path.parent, {"": path.name}, answers, path)
    rows.convert.extend(convert)
    profile = column_kinds.profile(rows)
    more = column_report.report(rows.names, rows.rows, rows.lines)
    task = _task(rows, profile, answers)
    if task == "forecasting":
        return make(path, task, series.inspect(rows, profile, answers), {}, more)
    if task == "translation":
        pair = pairs.columns(profile, path, answers)
        return make(path, task, pairs.inspect_table(rows, pair, answers), _form(rows), more)
    return _labelled({"": rows}, path, profile, answers, more)


def _form(rows: table.Table) -> dict:
    return {
        "header": rows.has_header, "delimiter": rows.delimiter, "quoting": rows.quoting,
        "encoding": rows.encoding,
    }  # fmt: skip


def _task(rows: table.Table, profile: Sequence, answers: Answers) -> str:
    given = answers.get("task")
    if given in TASKS:
        return given
    labels = texts.label_candidates(profile, len(rows.rows))
    prose = texts.text_candidates(profile)
    is_time = any(column.kind == "time" for column in profile) or "year" in map(
        str.casefold, rows.names
    )
    is_number = any(column.kind == "number" for column in profile)
    tasks = []
    if prose and (labels or "label" in answers.given):
        tasks.append("text_classification")
    keys = sum(column.kind == "key" for column in profile)
    if (len(prose) > 1 and not labels and not is_time) or (not prose and keys == 2 == len(profile)):
        tasks.append("translation")
    if is_time and is_number and not (prose and labels and _prose_is_long(profile)):
        tasks.append("forecasting")
    if len(tasks) == 1:
        return tasks[0]
    kinds = ", ".join(f"{column.name}: {column.kind}" for column in profile[:10])
    if not tasks:
        message = (
            f"nothing to learn from these columns: {kinds}. Needed: a text and a label, a time and "
            "numbers, or two texts; name a label with --label"
        )
        raise UserError("task-unknown", message, path=rows.path, key="--task")
    readings = [Reading(task, TASKS[task]) for task in tasks]
    question = Question("task", f"several uses of these columns: {kinds}", readings, rows.path)
    return answers.settle(question)


def _prose_is_long(profile: Sequence) -> bool:
    return any(column.kind == "text" and column.words >= 4 for column in profile)


def _labelled(
    tables: dict[str, table.Table], path: Path, profile, answers: Answers, more=()
) -> Source:
    """Labelled texts of one table, or of one for each split."""
    first = next(iter(tables.values()))
    text, label, reason = texts.columns(profile, len(first.rows), path, answers)
    convert = [f"{t.path.name}: {why}" for t in tables.values() for why in t.convert]
    entries = [
        (row_text, row_label, f"{t.path.name}, line {line}" if split else f"line {line}", split)
        for split, t in tables.items()
        for row_text, row_label, line in zip(t.column(text), t.column(label), t.lines, strict=True)
    ]
    content = texts.inspect(*zip(*entries, strict=True), path, answers, convert)
    content.reasons[:0] = [*first.reasons, reason]
    places = [first.names.index(name) if not first.has_header else name for name in (text, label)]
    layout = {**_form(first), "text": places[0], "label": places[1]}
    if "" not in tables:
        names = {split: t.path.relative_to(path).as_posix() for split, t in tables.items()}
        layout["files"] = names
        named = ", ".join(f"{split}: {name}" for split, name in names.items())
        content.reasons.append(f"files: {named}")
    return make(path, "text_classification", content, layout, more)


def several(files: tree.Tree, names: Sequence[str], answers: Answers) -> Source:
    names = [n for n in names if PurePosixPath(n).suffix.casefold() in tree.TABLES]
    if not files.root.is_dir():
        if len(names) > 1:
            message = f"holds {len(names)} tables; unpack it and give one of them, or the folder"
            raise UserError("tables-several", message, path=files.root, value=names[1])
        with TemporaryDirectory() as folder:
            path = Path(folder) / PurePosixPath(names[0]).name
            path.write_bytes(files.read(names[0]))
            kind = file_kind.kind(path)
            return replace(
                one(path, kind, answers, [f"{names[0]} is in an archive"]), path=files.root
            )
    if len(names) == 1:
        path = files.root / names[0]
        return one(path, file_kind.kind(path), answers)
    splits = {tree.split_of(name): name for name in names}
    if len(splits) < len(names) or "train" not in splits:
        message = f"{len(names)} tables whose names are not train, val and test; give one of them"
        raise UserError("tables-several", message, path=files.root, value=names[0])
    tables = {}
    for split in ("train", "val", "test"):
        if split in splits:
            path = files.root / splits[split]
            tables[split] = table.read(path, file_kind.kind(path), answers)
    if len({tuple(t.names) for t in tables.values()}) > 1:
        message = "the tables have different columns; give them the same header"
        raise UserError("tables-differ", message, path=files.root)
    profile = column_kinds.profile(tables["train"])
    return _labelled(tables, files.root, profile, answers)
