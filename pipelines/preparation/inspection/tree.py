"""A folder or an archive: its files, the folders of classes, and the folders of splits."""

import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from pipelines.config.errors import UserError
from pipelines.preparation import archives
from pipelines.preparation.inspection.questions import Answers, Question, Reading

IMAGES = frozenset(
    ".jpg .jpeg .png .gif .bmp .webp .tif .tiff .heic .heif .avif .jxl .jpe .jfif".split()
)
SOUNDS = frozenset([".wav", ".wave"])
TABLES = frozenset(".csv .tsv .tab .xlsx .parquet".split())
SYSTEM = frozenset(["thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db"])
NOTES = re.compile(r"(readme|licen[cs]e|changelog|citation)(\.(md|txt|rst|cff))?", re.IGNORECASE)
SPLITS = {
    "train": "train", "training": "train", "trn": "train", "tr": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "devel": "val",
    "test": "test", "testing": "test", "tst": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """names: of all files, relative to the root, without what systems leave behind. extras: the
    names of that, which the recipes would read. empty_folders: also those that are links."""

    root: Path
    names: list[str]
    empty_folders: list[str]
    extras: list[str]

    def read(self, name: str) -> bytes:
        if self.root.is_dir():
            return (self.root / name).read_bytes()
        return archives.read_zip(self.root, self._archive, self._archive.getinfo(name))

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.root)


@dataclass(frozen=True)
class Classes:
    """folders: split ("all" where there are none) -> the folder with the classes' folders.
    files: (name, class, split) of each file. extras: how many files that systems leave behind, or
    notes, are in the classes' folders. left_out: folders beside the classes that hold no file."""

    folders: dict[str, str]
    files: list[tuple[str, str, str]]
    reasons: list[str]
    extras: int = 0
    left_out: Sequence[str] = ()


def listing(root: Path) -> Tree:
    """Raises UserError `archive-names` for names that the recipes do not read."""
    if root.is_dir():
        paths = sorted(root.rglob("*"))
        names = [path.relative_to(root).as_posix() for path in paths if path.is_file()]
        folders = [path.relative_to(root).as_posix() for path in paths if path.is_dir()]
    else:
        with zipfile.ZipFile(root) as archive:
            entries = archive.infolist()
        names = sorted(entry.filename for entry in entries if not entry.is_dir())
        folders = [entry.filename.rstrip("/") for entry in entries if entry.is_dir()]
        for entry in entries:
            if "\\" in entry.orig_filename or _is_unmarked_utf8(entry):
                message = "file names not as the zip format has them; unpack it, give the folder"
                raise UserError("archive-names", message, path=root, value=entry.filename)
    extras = [n for n in names if _passed_over(n) and not _hidden(n) or is_note(n)]
    names = [name for name in names if not _passed_over(name)]
    full = {parent.as_posix() for name in names for parent in PurePosixPath(name).parents}
    empty = [f for f in folders if f not in full and not _passed_over(f)]
    return Tree(root, names, empty, extras)


def _is_unmarked_utf8(entry: zipfile.ZipInfo) -> bool:
    """Whether the name is UTF-8 without the flag that says so."""
    if entry.flag_bits & 0x800 or entry.filename.isascii():
        return False
    try:
        entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return False
    return True


def _hidden(name: str) -> bool:
    return any(step.startswith(".") for step in PurePosixPath(name).parts)


def _passed_over(name: str) -> bool:
    steps = PurePosixPath(name).parts
    return _hidden(name) or any(step.casefold() in SYSTEM for step in steps)


def content(tree: Tree) -> str:
    """images, sounds, tables, texts or nothing: what most files are."""
    suffixes = [PurePosixPath(name).suffix.casefold() for name in tree.names if not is_note(name)]
    known = {"images": IMAGES, "sounds": SOUNDS, "tables": TABLES}
    kinds = Counter(
        next((kind for kind, endings in known.items() if suffix in endings), "texts")
        for suffix in suffixes
    )
    return kinds.most_common(1)[0][0] if kinds else "nothing"


def is_note(name: str) -> bool:
    return bool(NOTES.fullmatch(PurePosixPath(name).name))


def split_of(name: str) -> str:
    """train, val or test where one of the words in a file's name says so, else ""."""
    words = re.split(r"[^a-z]+", PurePosixPath(name).name.casefold())
    splits = {SPLITS[word] for word in words if word in SPLITS}
    return splits.pop() if len(splits) == 1 else ""


def classes(tree: Tree, names: Sequence[str], answers: Answers) -> Classes:
    """Which folders are classes and which are splits, below one wrapping folder or more.

    Raises:
        UserError: `classes-missing`, `class-lost`, `splits-inside-classes`, and
            `ambiguous-empty-classes` for a folder beside the classes in which there is no file.
    """
    layout = _layout(tree, names)
    if len({label for _, label, _ in layout.files}) < 2:
        message = "one class folder with files; two or more are needed (links are not followed)"
        raise UserError("classes-missing", message, path=tree.root)
    parents = set(layout.folders.values())
    empty = [f for f in tree.empty_folders if PurePosixPath(f).parent.as_posix() in parents]
    if empty:
        readings = [Reading("leave-out", f"no class: {', '.join(empty[:5])}")]
        message = f"{empty[0]!r} has no file, or is a link, which is not followed"
        answers.settle(Question("empty-classes", message, readings, tree.root))
    inside = [PurePosixPath(name).parent.parent.as_posix() in parents for name in tree.extras]
    return replace(layout, extras=sum(inside), left_out=empty)


def _layout(tree: Tree, names: Sequence[str]) -> Classes:
    reasons = []
    paths = [PurePosixPath(name) for name in names]
    prefix = _wrapper(paths)
    if prefix.parts:
        reasons.append(f"all files are in {prefix.as_posix()!r}")
    inside = [path.relative_to(prefix).parts for path in paths]
    flat = [path for path, parts in zip(paths, inside, strict=True) if len(parts) < 2]
    if len(flat) > len(paths) / 2:
        message = "the files are not in folders; put them into one folder a class"
        raise UserError("classes-missing", message, path=tree.root, value=flat[0].as_posix())
    top = list(dict.fromkeys(parts[0] for parts in inside if len(parts) > 1))
    given = {name: SPLITS[name.casefold()] for name in top if name.casefold() in SPLITS}
    if "train" in given.values():
        return _given_splits(tree, prefix, given, paths, inside, reasons)
    below = {parts[1].casefold() for parts in inside if len(parts) > 2}
    if below and below <= set(SPLITS):
        message = "split folders inside class folders; put them the other way round: train/CLASS"
        raise UserError("splits-inside-classes", message, path=tree.root, value=sorted(below)[0])
    if len(top) < 2:
        message = f"files in {len(top)} folder; one folder a class is needed, of two or more"
        raise UserError("classes-missing", message, path=tree.root)
    reasons.append(f"{len(top)} folders are the classes: {', '.join(top[:8])}")
    files = [
        (p.as_posix(), parts[0], "") for p, parts in zip(paths, inside, strict=True) if parts[1:]
    ]
    return Classes({"all": prefix.as_posix()}, files, reasons)


def _given_splits(tree, prefix, given, paths, inside, reasons) -> Classes:
    folders: dict[str, str] = {}
    for name, split in given.items():
        if split in folders:
            message = f"both {folders[split]!r} and {name!r} are {split}; keep one of them"
            raise UserError("splits-twice", message, path=tree.root, value=name)
        folders[split] = (prefix / name).as_posix()
    files, left_out = [], 0
    for path, parts in zip(paths, inside, strict=True):
        if parts[0] in given and len(parts) > 2:
            files.append((path.as_posix(), parts[1], given[parts[0]]))
        else:
            left_out += 1
    reasons.append(f"splits: {', '.join(f'{folder} is {s}' for s, folder in folders.items())}")
    missing = [split for split in ("val", "test") if split not in folders]
    if missing:
        reasons.append(f"{' and '.join(missing)} will be cut from train")
    if left_out:
        reasons.append(f"left out: {left_out} files outside of the splits' class folders")
    present = defaultdict(set)
    for _, label, split in files:
        present[split].add(label)
    lost = {(s, n) for names in present.values() for n in names for s in present}
    lost = sorted((s, n) for s, n in lost if n not in present[s])
    if lost or set(folders) - set(present):
        split, label = lost[0] if lost else (sorted(set(folders) - set(present))[0], "any class")
        message = f"no file of {label!r} in {folders[split]!r}; add some, or remove that class"
        raise UserError("class-lost", message, path=tree.root, value=label)
    return Classes(folders, files, reasons)


def _wrapper(paths: Sequence[PurePosixPath]) -> PurePosixPath:
    """The folder below which the files part ways."""
    prefix = PurePosixPath(".")
    while True:
        tops = {path.relative_to(prefix).parts[0] for path in paths}
        deep = all(len(path.relative_to(prefix).parts) > 2 for path in paths)
        if len(tops) != 1 or not deep or next(iter(tops)).casefold() in SPLITS:
            return prefix
        prefix /= tops.pop()
