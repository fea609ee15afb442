"""Which folders of a source are splits and which are classes.

Where the option `folders` names splits, it is taken as it is. Otherwise the names of the folders
show the layout: one wrapping folder is entered, and folders named like splits (train, valid, test,
...) are splits, not classes. What can be read in two ways is refused.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from pipelines.config.errors import UserError
from pipelines.preparation.folder_names import is_passed_over, split_named

Parts = tuple[str, ...]


def resolve(
    source: Path, names: Sequence[str], folders: Mapping[str, str] | None,
    classes: Sequence[str] | None,
) -> dict[str, str]:  # fmt: skip
    """Split, or "all" -> the folder of that split's class folders.

    Args:
        source: for errors and messages.
        names: of all files, relative to the source.
        folders: the option, None where it is not given.
        classes: the option, None for all classes.

    Raises:
        UserError: `folders-ambiguous`, `splits-as-classes`, `splits-without-classes`,
            `splits-twice` and `splits-inside-classes`.
    """
    if folders is not None and "all" not in folders:
        return dict(folders)
    paths = [PurePosixPath(name).parts for name in names if not is_passed_over(name)]
    base = PurePosixPath(folders["all"]) if folders else _wrapper(paths, classes)
    if not folders and base.parts:
        print(f"{source}: all class folders are in {base.as_posix()!r}")
    inside = _below(paths, base)
    tops = sorted({parts[0] for parts in inside if len(parts) > 1})
    if set(tops) & set(classes or ()):
        return {"all": base.as_posix()}
    named = {top: split for top in tops if (split := split_named(top))}
    if not folders:
        _refuse_splits_inside_classes(source, inside)
        _refuse_equal_folders(source, base, inside, [top for top in tops if top not in named])
    if len(set(named.values())) < 2 and not (tops == list(named) and "train" in named.values()):
        return {"all": base.as_posix()}
    splits = _splits(source, base, inside, named)
    unknown = [top for top in tops if top not in named]
    if folders and unknown:
        return dict(folders)  # the option says that these are classes
    proposal = f"{{{', '.join(f'{split}: {folder}' for split, folder in splits.items())}}}"
    if unknown or "train" not in splits:
        raise UserError(
            "folders-ambiguous",
            f"folders named like splits ({', '.join(named)})"
            f"{' beside ' + ', '.join(unknown[:5]) if unknown else ', and none to train on'}; set "
            f"folders: {proposal} if these are splits"
            f"{f', or folders: {{all: {base}}} if all are classes' if unknown else ''}",
            path=source, key="folders", value=unknown[0] if unknown else tops[0],
        )  # fmt: skip
    if folders:
        raise UserError(
            "splits-as-classes",
            f"the folders in {base.as_posix()!r} are splits ({', '.join(named)}), not classes; set "
            f"folders: {proposal}",
            path=source, key="folders.all", value=folders["all"],
        )  # fmt: skip
    print(f"{source}: the folders {', '.join(named)} are splits: folders: {proposal}")
    return splits


def _splits(
    source: Path, base: PurePosixPath, inside: Sequence[Parts], named: Mapping[str, str]
) -> dict[str, str]:
    """Split -> its folder."""
    splits: dict[str, str] = {}
    for top, split in named.items():
        if not any(parts[0] == top and len(parts) > 2 for parts in inside):
            raise UserError(
                "splits-without-classes",
                f"the files in {top!r}, which is named like a split, are in no class folders; put "
                f"them into {top}/CLASS, or rename the folder if it is a class",
                path=source, key="folders", value=top,
            )  # fmt: skip
        if split in splits:
            raise UserError(
                "splits-twice",
                f"both {splits[split]!r} and {(base / top).as_posix()!r} are named like {split}; "
                "set `folders` to one folder for each split",
                path=source, key="folders", value=top,
            )  # fmt: skip
        folder = base / top
        below = {p[1] for p in inside if p[0] == top and len(p) > 2}
        if len(below) == 1 and split_named(*below) == split:  # seg_train/seg_train/CLASS
            folder /= below.pop()
        splits[split] = folder.as_posix()
    return {split: splits[split] for split in ("train", "val", "test") if split in splits}


def _refuse_splits_inside_classes(source: Path, inside: Sequence[Parts]) -> None:
    deep = [parts for parts in inside if len(parts) > 1]
    below = {split_named(parts[1]) if len(parts) > 2 else None for parts in deep}
    if len(below) > 1 and None not in below and not all(split_named(parts[0]) for parts in deep):
        example = "/".join(deep[0][:2])
        raise UserError(
            "splits-inside-classes",
            f"split folders inside class folders ({example}); put them the other way round "
            f"({deep[0][1]}/{deep[0][0]}), or set folders: {{all: .}} to split all files here",
            path=source, key="folders", value=example,
        )  # fmt: skip


def _refuse_equal_folders(
    source: Path, base: PurePosixPath, inside: Sequence[Parts], tops: Sequence[str]
) -> None:
    """Folders that hold the same folders may be splits with names in any language."""
    deep = [parts for parts in inside if len(parts) > 1]
    below = {top: {p[1] if len(p) > 2 else "" for p in deep if p[0] == top} for top in tops}
    names = next(iter(below.values()), set())
    if len(tops) < 2 or len(names) < 2 or "" in names or any(n != names for n in below.values()):
        return
    first, *_, last = tops
    raise UserError(
        "folders-ambiguous",
        f"the folders {', '.join(tops[:5])} all hold {', '.join(sorted(names)[:5])}; set folders: "
        f"{{train: {base / first}, test: {base / last}}}, each by its name, if they are splits, or "
        f"folders: {{all: {base}}} if they are classes",
        path=source, key="folders", value=first,
    )  # fmt: skip


def _wrapper(paths: Sequence[Parts], classes: Sequence[str] | None) -> PurePosixPath:
    """The folder that holds all class folders, or all splits."""
    base = PurePosixPath(".")
    while True:
        inside = _below(paths, base)
        tops = {parts[0] for parts in inside if len(parts) > 1}
        is_deep = any(len(parts) > 2 for parts in inside)
        if len(tops) != 1 or not is_deep or tops & set(classes or ()):
            return base
        if split_named(*tops) == "train":
            return base
        base /= tops.pop()


def _below(paths: Sequence[Parts], base: PurePosixPath) -> list[Parts]:
    depth = len(base.parts)
    return [parts[depth:] for parts in paths if parts[:depth] == base.parts]
