"""Texts in a folder per class, as they are or in an archive: the same rows, and what is refused."""

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from pipelines.config.errors import UserError
from pipelines.preparation import archives
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.project import distinct_text as text
from tests.support.user_errors import check, user_error

pytestmark = pytest.mark.usefixtures("empty_folder")

OUT = Path("data/prepared/set")
PARTS = {"train": "set/train", "test": "set/test"}
KINDS = ["zip", "tar", "tar.gz", "tar.xz"]


def reviews() -> dict[str, bytes]:
    """The layout of IMDB: official parts, and files beside them that are no labelled texts."""
    files = {"set/README": b"read me", "set/train/urls_pos.txt": b"http", ".hidden/a/b": b"\xff"}
    for place, part in enumerate(("train", "test")):
        for number, label in enumerate(("neg", "pos")):
            for row in range(12):
                own = text(1000 * place + 100 * number + row)
                files[f"set/{part}/{label}/{row}_{row % 10}.txt"] = own.encode()
    return files


def pack(files: dict[str, bytes], kind: str, name: str = "set") -> str:
    """An archive of the files, in any order, with entries for folders."""
    shuffled = random.Random(0).sample(sorted(files), len(files))
    if kind == "zip":
        with zipfile.ZipFile(f"{name}.zip", "w") as archive:
            archive.mkdir("set")
            for path in shuffled:
                archive.writestr(path, files[path])
    else:
        with tarfile.open(f"{name}.{kind}", f"w:{kind[4:]}") as archive:
            archive.addfile(directory("./"))
            for path in shuffled:
                archive.addfile(entry(f"./{path}", len(files[path])), io.BytesIO(files[path]))
    return f"{name}.{kind}"


def entry(name: str, size: int = 0, **how) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = size
    for key, value in how.items():
        setattr(found, key, value)
    return found


def directory(name: str) -> tarfile.TarInfo:
    return entry(name, type=tarfile.DIRTYPE)


def unpack(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = Path("raw") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def run(source: str, **options) -> DataSpec:
    dataset = {
        "recipe": "text_folder",
        "source": source,
        "options": {"folders": PARTS, "split": {"val": 4}} | options,
    }
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def refused(source: str, **options) -> UserError:
    before = {path for path in Path().rglob("*") if path.name != "params.yaml"}
    with pytest.raises(UserError) as caught:
        run(source, **options)
    after = {path for path in Path().rglob("*") if path.name != "params.yaml"}
    assert not {path for path in after - before if path.parts[0] != "data"}, "nothing is unpacked"
    assert not OUT.exists(), "nothing half-written"
    return caught.value


def parts() -> dict[str, dict]:
    return {part: arrays.read(OUT / f"repeat0/{part}") for part in prepare.SPLITS}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_gives_what_its_folder_gives(kind):
    unpack(reviews())
    spec = run("raw")
    assert run(pack(reviews(), kind)).digests == spec.digests


def test_official_parts_stay_and_val_is_cut_from_train():
    files = reviews()
    spec = run(pack(files, "tar.xz"), positive="pos")
    assert (spec.labels, spec.positive_id) == (("neg", "pos"), 1)
    found = {part: sorted(columns["file"]) for part, columns in parts().items()}
    official = sorted(name for name in files if name.startswith("set/test/"))
    assert found["test"] == official and len(official) == 24
    assert [len(found[part]) for part in ("train", "val")] == [20, 4]
    assert all(name.startswith("set/train/") for name in found["train"] + found["val"])
    for columns in parts().values():
        assert "line" not in columns
        for name, label, own in zip(
            columns["file"], columns["label"], columns["text"], strict=True
        ):
            assert (spec.labels[label], own.encode()) == (Path(name).parent.name, files[name])


@pytest.mark.parametrize("root", [".", "set/train"])
def test_one_folder_is_divided_here(root):
    files = {
        name if root != "." else Path(name).relative_to("set/train").as_posix(): data
        for name, data in reviews().items()
        if name.startswith("set/train/") and "urls" not in name
    }
    unpack(files)
    run("raw", folders={"all": root}, split={"val": 4, "test": 6})
    assert [len(columns["file"]) for columns in parts().values()] == [14, 4, 6]


def test_a_folder_of_mails():
    """A file a message, with its header and what it quotes, and no suffix; not in UTF-8."""
    mail = "From: a@b.c\nSubject: Re: free moral agency\n\n> {}\nNa\u00efve: {}\n"
    mails = {
        f"{label}/{51120 + 100 * place + n}": mail.format(text(n), text(100 * place + n + 50))
        for place, label in enumerate(("ham", "spam"), start=1)
        for n in range(12)
    }
    unpack({name: content.encode("latin-1") for name, content in mails.items()})
    settings = {"folders": {"all": "."}, "split": {"val": 4, "test": 6}, "positive": "spam"}
    spec = run("raw", encoding="latin-1", **settings)
    assert (spec.labels, spec.positive_id) == (("ham", "spam"), 1)
    found = {
        name: (spec.labels[label], content)
        for columns in parts().values()
        for name, label, content in zip(
            columns["file"], columns["label"], columns["text"], strict=True
        )
    }
    assert found == {name: (name.split("/")[0], mails[name].strip()) for name in mails}


def test_folders_beside_the_classes_are_left_out_by_name():
    """The official archive of IMDB holds train/unsup, and no test/unsup."""
    files = reviews()
    digests = run(pack(files, "tar.gz")).digests
    unlabelled = {f"set/train/unsup/{n}_0.txt": text(5000 + n).encode() for n in range(9)}
    source = pack(files | unlabelled, "tar.gz")
    assert run(source, classes=["neg", "pos"]).digests == digests


def test_a_class_that_one_part_lacks():
    unlabelled = {f"set/train/unsup/{n}_0.txt": text(5000 + n).encode() for n in range(9)}
    source = pack(reviews() | unlabelled, "zip")
    check(refused(source), "class-missing", path="set.zip", key="folders.test", value="unsup")


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_an_empty_class_folder(kind):
    files = {name: data for name, data in reviews().items() if "train" in name}
    unpack(files)
    Path("raw/set/train/mixed").mkdir()
    if kind == "tar":
        with tarfile.open("set.tar", "w") as archive:
            archive.add("raw/set", "set")
    source = "raw" if kind == "folder" else "set.tar"
    error = refused(source, folders={"all": "set/train"})
    check(error, "class-missing", path=source, key="folders.all", value="mixed")


@pytest.mark.parametrize(
    ("options", "code", "key", "value"),
    [
        ({"folders": {"train": "set/train", "test": "set/tset"}}, "folder-missing", "folders.test",
         "set/tset"),
        ({"classes": ["neg", "positive"]}, "class-missing", "folders.test", "positive"),
        ({"positive": "Pos"}, "positive-missing", "positive", "Pos"),
    ],
)  # fmt: skip
def test_folders_that_are_not_there(options, code, key, value):
    unpack(reviews())
    check(refused("raw", **options), code, path="raw", key=key, value=value)


def test_the_folders_that_could_be_meant_are_listed():
    error = refused(pack(reviews(), "zip"), folders={"train": "train", "test": "test"})
    assert "accepted: " in error.message and "set/test, set/train" in error.message


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"one\ncaf\xe9", "encoding-wrong", 2),
        (b"", "text-empty", None),
        (b" \n", "text-empty", None),
        (b"\xef\xbb\xbf \n", "text-empty", None),
        (b"a\0b", "nul-character", 1),
    ],
)
@pytest.mark.parametrize("source", ["raw", "tar.xz"])
def test_a_file_that_is_no_text(source, data, code, line):
    files = reviews() | {"set/train/pos/7_7.txt": data}
    unpack(files)
    source = source if source == "raw" else pack(files, source)
    check(refused(source), code, path=f"{source}/set/train/pos/7_7.txt", line=line)


def test_texts_in_two_parts_are_refused_by_name_or_reported(capsys):
    twin = {"set/test/pos/99_9.txt": text(3).upper().encode()}
    source = pack(reviews() | twin, "zip")
    check(
        refused(source), "split-overlap",
        path="set.zip/set/train/neg/3_3.txt", line=None, value="set.zip/set/test/pos/99_9.txt",
    )  # fmt: skip
    run(source, overlap="report", split={"val": 4, "repeats": 3})
    assert len(parts()["test"]["text"]) == 25


def test_a_text_of_several_lines_and_a_byte_order_mark():
    files = reviews() | {"set/train/pos/7_7.txt": b"\xef\xbb\xbfone\r\n\r\ntwo\n"}
    run(pack(files, "tar.gz"))
    assert "one\r\n\r\ntwo" in [own for columns in parts().values() for own in columns["text"]]


@pytest.mark.parametrize(
    ("member", "code"),
    [
        (entry("set/train/pos/l.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
         "archive-not-a-file"),
        (entry("set/train/pos/l.txt", type=tarfile.LNKTYPE, linkname="set/README"),
         "archive-not-a-file"),
        (entry("elsewhere", type=tarfile.SYMTYPE, linkname="../.."), "archive-not-a-file"),
        (entry("set/train/pos/fifo", type=tarfile.FIFOTYPE), "archive-not-a-file"),
        (entry("set/../../evil.txt"), "archive-path-traversal"),
        (entry("/etc/evil.txt"), "archive-path-traversal"),
        (entry("set/train/pos/1_1.txt"), "archive-duplicate-name"),
    ],
)  # fmt: skip
def test_malicious_tar_members_are_refused(member, code):
    pack(reviews(), "tar")
    with tarfile.open("set.tar", "a") as archive:
        archive.addfile(member)
    check(refused("set.tar"), code, path="set.tar", value=member.name)


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "set/../../evil.txt", "C:/evil.txt"])
def test_path_traversal_in_a_zip_is_refused(name):
    source = pack(reviews() | {name: b"evil"}, "zip")
    check(refused(source), "archive-path-traversal", path=source, value=name)


def test_a_link_in_a_zip_file():
    link = zipfile.ZipInfo("set/train/pos/link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(pack(reviews(), "zip"), "a") as archive:
        archive.writestr(link, "/etc/passwd")
    check(refused("set.zip"), "archive-not-a-file", path="set.zip", value=link.filename)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.8])
def test_a_truncated_archive(kind, share):
    path = Path(pack(reviews(), kind))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    check(refused(path.name), "archive-damaged", path=path.name)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("place", [-1, -9])
def test_the_last_bytes_count(kind, place):
    """They hold the checksums by which damage is detected."""
    path = Path(pack(reviews(), kind))
    path.write_bytes(path.read_bytes()[:place])
    check(refused(path.name), "archive-damaged", path=path.name)


def test_one_wrong_bit_in_a_text():
    """The texts that a stored block of gzip holds read well whatever their bits."""
    with gzip.open("set.tar.gz", "wb", compresslevel=0) as stream:
        stream.write(Path(pack(reviews(), "tar")).read_bytes())
    run("set.tar.gz")
    data = bytearray(Path("set.tar.gz").read_bytes())
    data[data.index(text(3).encode())] ^= 1
    Path("set.tar.gz").write_bytes(data)
    with user_error("archive-damaged", path="set.tar.gz"):
        run("set.tar.gz")


def test_a_tar_cut_between_two_files():
    """Where the library sees the end of a whole archive."""
    data = Path(pack(reviews(), "tar")).read_bytes()
    cut = data.index(b"./set/", len(data) // 2)
    Path("set.tar").write_bytes(data[: cut - cut % 512])
    check(refused("set.tar"), "archive-damaged", path="set.tar")


def test_a_damaged_header_in_the_middle():
    data = bytearray(Path(pack(reviews(), "tar")).read_bytes())
    data[data.index(b"./set/", len(data) // 2)] ^= 1
    Path("set.tar").write_bytes(data)
    check(refused("set.tar"), "archive-damaged", path="set.tar")


def test_a_file_that_is_no_archive():
    Path("set.txt").write_text("a text\n" * 500)
    check(refused("set.txt"), "archive-damaged", path="set.txt")


@pytest.mark.parametrize("source", ["raw", *KINDS])
def test_a_file_too_large_for_a_text(source, monkeypatch):
    monkeypatch.setattr("pipelines.datasets.text_folder.MAX_FILE_BYTES", 1000)
    files = reviews() | {"set/test/neg/long.txt": b"word " * 201}
    unpack(files)
    source = source if source == "raw" else pack(files, source)
    if source == "raw":
        path = "raw/set/test/neg/long.txt"
        check(refused(source), "file-too-large", path=path, value=1005)
    else:
        name = "set/test/neg/long.txt"
        check(refused(source), "member-too-large", path=source, value=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_UNPACKED_BYTES"])
def test_an_archive_of_too_many_files_or_bytes(kind, limit, monkeypatch):
    source = pack(reviews(), kind)
    run(source)
    monkeypatch.setattr(archives, limit, 50 if limit == "MAX_FILES" else 900)
    with user_error("archive-too-large", path=source):
        run(source)


def test_a_name_that_is_not_utf8():
    odd = entry("set/train/pos/caf\udce9.txt", 4)
    pack(reviews(), "tar")
    with tarfile.open("set.tar", "a", errors="surrogateescape") as archive:
        archive.addfile(odd, io.BytesIO(b"text"))
    run("set.tar")
    names = [name for columns in parts().values() for name in columns["file"]]
    assert "set/train/pos/caf\\udce9.txt" in names


def test_files_without_text_are_counted_and_dropped_on_request():
    files = reviews() | {f"set/train/pos/{n}_0.txt": b" " for n in range(100, 107)}
    unpack(files)
    path = "raw/set/train/pos/100_0.txt"
    check(refused("raw"), "text-empty", path=path, key="empty", value=7)
    run("raw", empty="drop")
    for path in Path("raw/set/test/pos").iterdir():
        path.write_bytes(b"")
    with user_error("class-lost", key="classes", value="pos"):
        run("raw", empty="drop")
