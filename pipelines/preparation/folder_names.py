"""Names in folders and archives that mean something: splits, and what systems leave behind."""

import re
import unicodedata
from pathlib import PurePosixPath

SPLIT_NAMES = {
    "train": "train", "training": "train", "trn": "train", "tr": "train", "learn": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val",
    "devel": "val", "development": "val",
    "test": "test", "testing": "test", "tst": "test", "te": "test", "eval": "test",
    "evaluation": "test", "evaluate": "test", "holdout": "test",
}  # fmt: skip
# Other languages, without accents; each is a whole name, or begins one.
FOREIGN_NAMES = {
    "entrenamiento": "train", "treinamento": "train", "treino": "train", "apprentissage": "train",
    "entrainement": "train", "addestramento": "train", "treningowe": "train", "trainings": "train",
    "obuchenie": "train", "\u043e\u0431\u0443\u0447\u0435\u043d\u0438\u0435": "train",
    "\u8bad\u7ec3": "train", "\u8a13\u7df4": "train", "\u5b66\u7fd2": "train",
    "validacion": "val", "validacao": "val", "validazione": "val", "validierung": "val",
    "walidacja": "val", "\u0432\u0430\u043b\u0438\u0434\u0430\u0446\u0438\u044f": "val",
    "\u9a8c\u8bc1": "val", "\u9a57\u8b49": "val", "\u691c\u8a3c": "val",
    "prueba": "test", "pruebas": "test", "teste": "test", "testes": "test", "essai": "test",
    "testowe": "test", "\u0442\u0435\u0441\u0442": "test", "\u6d4b\u8bd5": "test",
    "\u6e2c\u8a66": "test", "\u30c6\u30b9\u30c8": "test",
}  # fmt: skip
_FOREIGN_FILLERS = re.compile("(?:daten|satz|menge|\u96c6|\u30c6\u30fc\u30bf)+$")
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
    letters = unicodedata.normalize("NFKD", folder.casefold())
    letters = "".join(char for char in letters if not unicodedata.combining(char))
    stem = _FOREIGN_FILLERS.sub("", letters)
    if stem in FOREIGN_NAMES:
        return FOREIGN_NAMES[stem]
    words = [word for word in re.split(r"[^a-z]+", stem) if word not in _FILLERS]
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
