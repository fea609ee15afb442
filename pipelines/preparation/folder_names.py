"""Names in folders and archives that mean something: splits, and what systems leave behind."""

import re
from pathlib import PurePosixPath

SPLIT_NAMES = {
    "train": "train", "training": "train", "trn": "train", "tr": "train", "learn": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val",
    "devel": "val", "development": "val",
    "test": "test", "testing": "test", "tst": "test", "te": "test", "eval": "test",
    "evaluation": "test", "evaluate": "test", "holdout": "test",
}  # fmt: skip
# Words beside the split's name: train_images, Test Set, seg_train.
_FILLERS = frozenset(
    ["", "set", "sets", "data", "dataset", "images", "image", "imgs", "img", "texts", "text"]
    + ["files", "split", "seg", "folder", "samples", "photos"]
)
_GLUED = re.compile(r"(set|data|dataset|images)$")
SYSTEM_FILES = frozenset(
    ["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "autorun.inf"]
)
SYSTEM_FOLDERS = frozenset(
    ["__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"]
)


def split_named(folder: str) -> str | None:
    """The split that a folder's name means: "train", "val", "test"; None for any other name."""
    words = [word for word in re.split(r"[^a-z]+", folder.casefold()) if word not in _FILLERS]
    if len(words) != 1:
        return None
    return SPLIT_NAMES.get(words[0]) or SPLIT_NAMES.get(_GLUED.sub("", words[0]))


def is_passed_over(name: str) -> bool:
    """Whether a relative name is hidden, or of a file that a system leaves behind."""
    steps = PurePosixPath(name).parts
    return any(
        step.startswith((".", "~$")) or step.casefold() in SYSTEM_FILES | SYSTEM_FOLDERS
        for step in steps
    )


def printable(name: str) -> str:
    r"""A name of any bytes as text that can be printed: invalid UTF-8 becomes \udce4."""
    return name.encode("utf-8", "backslashreplace").decode()
