"""Text files as sources: folders of classes, files side by side, lines that begin with a label."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from babel import localedata

from pipelines.config.errors import UserError
from pipelines.preparation import text_files
from pipelines.preparation.inspection import file_kind, pairs, texts, tree
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.source import Source, make

LINES_A_LABEL = 10  # on average, from which first words are taken for labels


def folder(files: tree.Tree, names: Sequence[str], answers: Answers) -> Source:
    layers = tree.classes(files, names, answers)
    encodings: dict[str, str] = {}
    entries = []
    for name, label, split in layers.files:
        decoded = _decoded(files, name, answers)
        encodings.setdefault(decoded.encoding, name)
        entries.append((decoded.text.strip(), label, name, split))
    if len(encodings) > 1:
        message = f"files in several encodings: {encodings}; save all as UTF-8 or give --encoding"
        raise UserError("encodings-mixed", message, path=files.root, key="--encoding")
    extras = f"{layers.extras} files that are notes, or that systems leave behind, are left out"
    convert = [extras] if layers.extras else []
    content = texts.inspect(*zip(*entries, strict=True), files.root, answers, convert)
    content.reasons[:0] = layers.reasons
    layout = {"folders": layers.folders, "encoding": next(iter(encodings))}
    top = {PurePosixPath(name).relative_to(layers.folders[split or "all"]).parts[0]
           for name, _, split in layers.files}  # fmt: skip
    if layers.left_out or len(top) > len(content.classes):
        layout["classes"] = sorted(content.classes)
    return make(files.root, "text_classification", content, layout)


def _decoded(files: tree.Tree, name: str, answers: Answers) -> file_kind.Text:
    data = files.read(name)
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "text"
        path.write_bytes(data)
        try:
            return file_kind.decode(path, answers)
        except UserError as error:
            raise UserError(
                error.code, error.message, path=f"{files.root}/{name}", line=error.line,
                key=error.key, value=error.value,
            ) from None  # fmt: skip


def side_by_side(root: Path, names: Sequence[str], answers: Answers) -> Source:
    """Text files side by side: aligned, one a class, or lines with their labels."""
    given = answers.get("task")
    if all(_labels_of(root / name, answers) for name in names) and given != "translation":
        splits = {tree.split_of(name): name for name in names}
        if len(splits) == len(names) and ("train" in splits or len(names) == 1):
            return labelled_lines(root, splits, answers, root)
    counts = {name: text_files.count_lines(root / name) for name in names}
    aligned = max(counts.values()) == min(counts.values()) or any(map(tree.split_of, names))
    codes = {PurePosixPath(n.removesuffix(".gz")).suffix[1:].casefold() for n in names}
    codes |= {PurePosixPath(n).stem.casefold() for n in names}
    is_language = len(codes & set(localedata.locale_identifiers())) > 1
    if given is None and aligned and not is_language:
        readings = [
            Reading("translation", "line n of one file translates line n of another"),
            Reading("text_classification", "each file holds the texts of one class"),
        ]
        message = f"{len(names)} text files with equally many lines"
        given = answers.settle(Question("task", message, readings, root))
    if given == "translation" or (given is None and aligned):
        return make(root, "translation", pairs.inspect_files(root, names, answers, False), {})
    return _class_files(root, names, answers)


def _class_files(root: Path, names: Sequence[str], answers: Answers) -> Source:
    """A file a class; a class is called what its file is, without what all of them share."""
    stems = {name: PurePosixPath(name).stem for name in names}
    if len(set(stems.values())) < len(names):
        stems = {name: PurePosixPath(name).suffix[1:] for name in names}
    decoded = {name: file_kind.decode(root / name, answers) for name in names}
    entries = [
        (line.strip(), stems[name], f"{name}, line {number}", "")
        for name, text in decoded.items()
        for number, line in enumerate(text.text.removesuffix("\n").split("\n"), 1)
    ]
    encodings = {text.encoding for text in decoded.values()}
    convert = ["the files have different encodings"] if len(encodings) > 1 else []
    content = texts.inspect(*zip(*entries, strict=True), root, answers, convert)
    content.reasons.insert(0, f"a file a class: {', '.join(stems.values())}")
    layout = {
        "class_files": {label: name for name, label in stems.items()},
        "encoding": encodings.pop(),
    }
    return make(root, "text_classification", content, layout)


def _labels_of(path: Path, answers: Answers) -> list[str]:
    """The few first words of the lines of a file; none where they are many."""
    lines = file_kind.decode(path, answers).text.split("\n")
    heads = [line.split(maxsplit=1) for line in lines if line.strip()]
    labels = {head[0] for head in heads if len(head) == 2}
    return sorted(labels) if 2 <= len(labels) <= len(heads) / LINES_A_LABEL else []


def labelled_lines(root: Path, files: dict[str, str], answers: Answers, path: Path) -> Source:
    """Lines that begin with their label."""
    entries, encoding, labels = [], "utf-8", set()
    for split, name in files.items():
        decoded = file_kind.decode(root / name, answers)
        encoding = decoded.encoding
        labels |= set(_labels_of(root / name, answers))
        for number, line in enumerate(decoded.text.removesuffix("\n").split("\n"), 1):
            label, text = [*line.split(maxsplit=1), "", ""][:2]
            entries.append((text, label, f"{name}, line {number}", split))
    if not labels:
        message = (
            "no delimiter makes a table of it, and lines do not begin with a label; give a CSV "
            "with a column of labels, or --delimiter"
        )
        raise UserError("table-missing", message, path=path, key="--delimiter")
    content = texts.inspect(*zip(*entries, strict=True), path, answers)
    content.reasons.insert(0, f"lines begin with their label: {', '.join(sorted(labels))}")
    layout = {"label_lines": True, "encoding": encoding}
    if "" not in files:
        layout["files"] = files
    return make(path, "text_classification", content, layout)
