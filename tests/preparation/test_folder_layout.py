"""Folders as people have them: splits, wrapping folders, links, empty classes, names of systems."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from pipelines.config.errors import UserError
from pipelines.preparation import class_folders
from tests.support.user_errors import user_error

pytestmark = pytest.mark.usefixtures("empty_folder")
LIMIT = 1 << 20


def make(*folders: str, root: str = "raw", count: int = 2) -> Path:
    for folder in folders:
        Path(root, folder).mkdir(parents=True)
        for number in range(count):
            Path(root, folder, f"{number}.txt").write_text(f"{folder} {number}")
    return Path(root)


def packed(folder: Path, kind: str) -> Path:
    target = Path(f"packed.{kind}")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if kind == "zip":
        with zipfile.ZipFile(target, "w") as archive:
            for path in paths:
                archive.write(path, path.relative_to(folder))
    else:
        with tarfile.open(target, "w") as archive:
            for path in paths:
                archive.add(path, path.relative_to(folder))
    return target


def read(source: Path, folders=None, classes=None) -> set[tuple[str, str]]:
    """(split, class) of every file."""
    files = class_folders.read(source, folders, classes, LIMIT)
    return {(file.split, file.label) for file in files}


def pairs(*splits: str, classes=("cat", "dog")) -> set[tuple[str, str]]:
    return {(split, label) for split in splits for label in classes}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("Training", "validation", "eval"), ("train", "val", "test")),
        (("train", "valid"), ("train", "val")),
        (("train", "dev"), ("train", "val")),
        (("training_set", "test_set"), ("train", "test")),
        (("seg_train/seg_train", "seg_test/seg_test"), ("train", "test")),
        (("photos/train", "photos/testing"), ("train", "test")),
        (("train",), ("train",)),
    ],
)
def test_folders_named_like_splits_are_splits(kind, names, splits, capsys):
    folder = make(*(f"{name}/{label}" for name in names for label in ("cat", "dog")))
    source = folder if kind == "folder" else packed(folder, kind)
    assert read(source) == pairs(*splits)
    assert "are splits" in capsys.readouterr().out


def test_a_class_may_be_called_train():
    assert read(make("car", "train", "bus")) == pairs("", classes=("bus", "car", "train"))
    named = pairs("", classes=("test", "train"))
    assert read(Path("raw"), classes=["car", "train"]) == pairs("", classes=("car", "train"))
    assert read(make("train", "test", root="two"), classes=["train", "test"]) == named


@pytest.mark.parametrize(
    ("folders", "given", "code", "key"),
    [
        (("train/a", "train/b", "test/a", "test/b", "more/c"), None, "folders-ambiguous", ""),
        (("val/a", "val/b", "test/a", "test/b"), None, "folders-ambiguous", ""),
        (("train", "test"), None, "splits-without-classes", ""),
        (("train/a", "val/a", "dev/a"), None, "splits-twice", ""),
        (("a/train", "a/test", "b/train", "b/test"), None, "splits-inside-classes", ""),
        (("x/train/a", "x/test/a"), {"all": "x"}, "splits-as-classes", ".all"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(folders, given, code, key):
    with user_error(code, path="raw", key=f"folders{key}"):
        read(make(*folders), given)


def test_the_cures_for_what_can_be_read_in_two_ways_work():
    make("train/a", "train/b", "test/a", "test/b", "more/c")
    splits = {"train": "train", "test": "test"}
    assert read(Path("raw"), splits) == pairs("train", "test", classes=("a", "b"))
    labels = ("train", "test", "more")
    assert read(Path("raw"), {"all": "."}) == pairs("", classes=labels)
    make("a/train", "a/test", "b/train", "b/test", root="inside")
    assert read(Path("inside"), {"all": "."}) == pairs("", classes=("a", "b"))


def test_linked_folders_are_read():
    make("cat", "dog")
    make("birds", "test/cat", "test/dog", root="elsewhere")
    Path("raw/bird").symlink_to(Path("elsewhere/birds").resolve())
    assert read(Path("raw")) == pairs("", classes=("bird", "cat", "dog"))
    make("train/cat", "train/dog", root="linked")
    Path("linked/test").symlink_to(Path("elsewhere/test").resolve())
    assert read(Path("linked"), {"train": "train", "test": "test"}) == pairs("train", "test")


def test_links_that_lead_nowhere_or_back_are_refused():
    make("cat", "dog")
    Path("raw/bird").symlink_to("nowhere")
    with user_error("link-broken", path="raw/bird"):
        read(Path("raw"))
    Path("raw/bird").unlink()
    Path("raw/dog/again").symlink_to(Path("raw").resolve())
    with user_error("link-loop", path="raw/dog/again"):
        read(Path("raw"))


@pytest.mark.parametrize("rest", [None, "Thumbs.db", ".gitkeep"])
def test_a_class_folder_without_files_is_refused_until_it_is_left_out(rest):
    make("cat", "dog")
    Path("raw/bird").mkdir()
    if rest:
        Path("raw/bird", rest).touch()
    with user_error("class-missing", path="raw", value="bird"):
        read(Path("raw"))
    assert read(Path("raw"), classes=["cat", "dog"]) == pairs("")
    Path("raw/bird/1.txt").write_text("a bird")
    assert read(Path("raw")) == pairs("", classes=("bird", "cat", "dog"))


def test_what_systems_leave_behind_is_passed_over():
    make("cat", "dog")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "cat/THUMBS.DB", "dog/Desktop.ini"):
        Path("raw", name).write_bytes(b"\xff")
    make("__MACOSX/cat", "@eaDir/dog", "$RECYCLE.BIN", root="raw")
    files = class_folders.read(Path("raw"), None, None, LIMIT)
    assert [file.name for file in files] == ["cat/0.txt", "cat/1.txt", "dog/0.txt", "dog/1.txt"]


def zipped(names: list[str], *, flag: bool = True, encoding: str = "utf-8") -> Path:
    """A zip file with these names, byte by byte as other tools write them."""
    stand_ins = {
        name: f"{number:03}".ljust(len(name.encode(encoding)), "_")
        for number, name in enumerate(names)
    }
    with zipfile.ZipFile("made.zip", "w") as archive:
        for name, stand_in in stand_ins.items():
            archive.writestr(stand_in, b"" if name.endswith(("\\", "/")) else name.encode())
    data = Path("made.zip").read_bytes()
    for name, stand_in in stand_ins.items():
        data = data.replace(stand_in.encode(), name.encode(encoding))
    Path("made.zip").write_bytes(data)
    return Path("made.zip")


def test_a_zip_of_windows_with_backslashes():
    names = ["photos\\", "photos\\cat\\", "photos\\cat\\1.txt", "photos\\dog\\1.txt"]
    assert read(zipped(names)) == pairs("")
    with user_error("archive-path-traversal"):
        read(zipped([*names, "photos\\..\\..\\x"]))


def test_a_zip_of_utf8_names_without_the_flag():
    names = ["Kätzchen/1.txt", "Größe/1.txt", "__MACOSX/Größe/._1.txt"]
    assert read(zipped(names)) == pairs("", classes=("Größe", "Kätzchen"))


def test_a_zip_of_names_in_a_code_page(capsys):
    names = ["Kätzchen/1.txt", "Hund/1.txt"]
    assert read(zipped(names, encoding="cp850")) == pairs("", classes=("Hund", "Kätzchen"))
    assert "Kätzchen/1.txt" in capsys.readouterr().out
    with user_error("archive-names", path="made.zip"):
        read(zipped(["кошка/1.txt", "собака/1.txt"], encoding="cp866"))


def test_names_that_are_not_utf8_are_named():
    make("cat", "dog")
    Path("raw/dog", b"K\xe4tzchen.txt".decode("utf-8", "surrogateescape")).write_text("a")
    with user_error("name-not-utf8", path="raw", value="dog/K\\udce4tzchen.txt") as _:
        read(Path("raw"))


def test_a_class_in_a_tar_file_whose_name_is_not_utf8():
    folder = make("cat", "dog")
    with tarfile.open("set.tar", "w", errors="surrogateescape") as archive:
        for path in sorted(folder.rglob("*.txt")):
            name = str(path.relative_to(folder)).replace("dog", "d\udce4g")
            archive.add(path, name)
    with pytest.raises(UserError) as caught:
        read(Path("set.tar"))
    assert (caught.value.code, caught.value.value) == ("name-not-utf8", "d\\udce4g")
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bird", b"../elsewhere/birds"),
        ("bird.lnk", b"L\0\0\0\x01\x14\x02\0" + bytes(200)),
        ("bird alias", b"book\0\0\0\0mark" + bytes(9000)),
    ],
)
def test_files_in_place_of_links_are_refused(name, data):
    make("cat", "dog")
    make("birds", root="elsewhere")
    Path("raw", name).write_bytes(data)
    with user_error("link-as-file", path=f"raw/{name}"):
        read(Path("raw"))


def test_files_beside_the_class_folders_are_named(capsys):
    make("cat", "dog")
    Path("raw/notes.txt").write_text("cats and dogs")
    assert read(Path("raw")) == pairs("")
    assert (
        "raw: 1 files beside the class folders are not read: notes.txt" in capsys.readouterr().out
    )
