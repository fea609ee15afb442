"""Recipes for images: what is read, skipped, dropped and split; no image is in two splits."""

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.datasets import image_folder
from pipelines.preparation import archives
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import user_error

OUT = Path("data/prepared/set")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(recipe: str, source: str, seed: int = 1, **options) -> DataSpec:
    dataset = {"recipe": recipe, "source": source, "options": options}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": seed, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def parts(split: int = 0) -> dict[str, dict]:
    return {part: arrays.read(OUT / f"repeat{split}/{part}") for part in prepare.SPLITS}


def picture(seed: int, size: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def folder(root: str = "pictures", each: int = 12, classes=("cat", "dog"), first: int = 0) -> None:
    for number, label in enumerate(classes):
        (Path(root) / label).mkdir(parents=True)
        for row in range(each):
            data = image_decoding.png(picture(first + 1000 * number + row))
            (Path(root) / label / f"{row:02}.png").write_bytes(data)


SMALL = {"size": [6, 6], "split": {"val": 0.2, "test": 0.25}}


def test_a_folder_a_class_becomes_arrays_labels_files_and_names():
    folder()
    spec = run("image_folder", "pictures", **SMALL)
    assert (spec.labels, spec.outputs, spec.request_inputs) == (("cat", "dog"), 2, ("image_bytes",))
    assert spec.inputs["image"].shape == (6, 6, 3)
    rows = 0
    for columns in parts().values():
        rows += len(columns["label"])
        for name, data, label, pixels in zip(
            columns["file"], columns["image_bytes"], columns["label"], columns["image"], strict=True
        ):
            assert spec.labels[label] == Path(name).parent.name
            assert data == (Path("pictures") / name).read_bytes()
            np.testing.assert_array_equal(pixels, image_decoding.decode(data, name))
    assert rows == 24


def test_a_zip_file_gives_what_its_folder_gives():
    folder()
    run("image_folder", "pictures", folders={"all": "."}, **SMALL)
    digests = DataSpec.load(OUT / "spec.json").digests
    zip_pictures()
    assert run("image_folder", "pictures.zip", **SMALL).digests == digests


def test_the_metadata_in_a_zip_file_of_macos_is_skipped():
    folder()
    zip_pictures()
    digests = run("image_folder", "pictures.zip", **SMALL).digests
    zip_pictures({"__MACOSX/": b"", "__MACOSX/cat/": b"", "__MACOSX/cat/._00.png": b"metadata"})
    assert run("image_folder", "pictures.zip", **SMALL).digests == digests


def test_official_parts_stay_and_val_is_cut_from_train():
    folder("pictures/train", 12)
    folder("pictures/held_out", 5, first=500)
    run(
        "image_folder", "pictures", size=[6, 6], split={"val": 4},
        folders={"train": "train", "test": "held_out"},
    )  # fmt: skip
    found = {part: columns["file"] for part, columns in parts().items()}
    assert {Path(name).parts[0] for name in found["test"]} == {"held_out"}
    assert [len(found[part]) for part in ("train", "val", "test")] == [20, 4, 10]


def test_copies_are_dropped_and_the_test_parts_one_is_kept(capsys):
    folder("pictures/train", 12)
    folder("pictures/test", 5, first=500)
    twin = Path("pictures/test/cat/00.png").read_bytes()
    Path("pictures/train/cat/twin.png").write_bytes(twin)
    folders = {"train": "train", "test": "test"}
    run("image_folder", "pictures", size=[6, 6], split={"val": 4}, folders=folders)
    assert "1 duplicates dropped" in capsys.readouterr().out
    names = [name for columns in parts().values() for name in columns["file"]]
    assert "train/cat/twin.png" not in names and "test/cat/00.png" in names


def test_copies_in_two_parts_are_refused_or_reported():
    folder("pictures/train", 12)
    folder("pictures/test", 5, first=500)
    twin = Path("pictures/test/cat/00.png").read_bytes()
    Path("pictures/train/cat/twin.png").write_bytes(twin)
    options = {
        "size": [6, 6], "split": {"val": 2}, "folders": {"train": "train", "test": "test"},
        "duplicates": "keep",
    }  # fmt: skip
    with user_error("split-overlap", path="pictures", value="test/cat/00.png"):
        run("image_folder", "pictures", **options)
    assert not OUT.exists(), "nothing half-written"
    run("image_folder", "pictures", **options, overlap="report")
    test = parts()["test"]
    seen = [name for name, twin in zip(test["file"], test["seen"], strict=True) if twin]
    assert seen == ["test/cat/00.png"]


def test_one_picture_under_two_labels_is_refused_or_dropped(capsys):
    folder()
    Path("pictures/dog/odd.png").write_bytes(Path("pictures/cat/00.png").read_bytes())
    with user_error("label-conflict", path="pictures", value="dog/odd.png"):
        run("image_folder", "pictures", **SMALL)
    run("image_folder", "pictures", conflicts="drop", **SMALL)
    assert sum(len(columns["label"]) for columns in parts().values()) == 23
    assert capsys.readouterr().out.count("the same image also has another label") == 2


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("cat/notes.txt", b"cats of 2024", "image-format"),
        ("dog/moving.gif", b"GIF89a" + bytes(40), "image-format"),
        ("cat/cut.png", image_decoding.png(picture(5))[:70], "image-damaged"),
        ("cat/empty.jpg", b"", "image-format"),
    ],
)
@pytest.mark.parametrize("source", ["pictures", "pictures.zip"])
def test_files_that_are_not_images_are_refused_or_skipped(name, data, code, source, capsys):
    folder()
    (Path("pictures") / name).write_bytes(data)
    Path("pictures/cat/.DS_Store").write_bytes(b"hidden")
    if source.endswith(".zip"):
        zip_pictures()
    with user_error(code, path=f"{source}/{name}"):
        run("image_folder", source, **SMALL)
    run("image_folder", source, bad_files="skip", **SMALL)
    assert f"skipped: {source}/{name}: " in capsys.readouterr().out
    assert sum(len(columns["label"]) for columns in parts().values()) == 24


def test_a_folder_without_classes_is_refused():
    Path("pictures").mkdir()
    Path("pictures/loose.png").write_bytes(image_decoding.png(picture(1)))
    with user_error("folder-missing", path="pictures", key="folders.all", value="."):
        run("image_folder", "pictures", **SMALL)


def zip_pictures(extra: dict[str | zipfile.ZipInfo, bytes] | None = None) -> bytes:
    """pictures.zip from the folder pictures, with more members; its bytes."""
    with zipfile.ZipFile("pictures.zip", "w") as archive:
        for path in sorted(Path("pictures").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to("pictures").as_posix())
        for member, data in (extra or {}).items():
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return Path("pictures.zip").read_bytes()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize("bad_files", ["refuse", "skip"])
@pytest.mark.parametrize(
    ("member", "data", "code"),
    [
        ("../evil.png", b"evil", "archive-path-traversal"),
        ("/evil.png", b"evil", "archive-path-traversal"),
        ("cat/../../evil.png", b"evil", "archive-path-traversal"),
        ("C:/evil.png", b"evil", "archive-path-traversal"),
        (link("cat/link.png"), b"/etc/passwd", "archive-not-a-file"),
        ("cat/./00.png", b"evil", "archive-duplicate-name"),
        ("cat/bomb.png", bytes(2_000_000), "member-too-large"),
    ],
)
def test_malicious_zip_files_are_refused(member, data, code, bad_files, monkeypatch):
    """Path traversal, a symlink, a duplicate name, a zip bomb; skipping a file does not help."""
    monkeypatch.setattr(image_folder, "MAX_FILE_BYTES", 1_000_000)
    folder()
    zip_pictures({member: data})
    before = sorted(Path("..").rglob("*"))
    name = member if isinstance(member, str) else member.filename
    name = "cat/00.png" if code == "archive-duplicate-name" else name
    with user_error(code, path="pictures.zip", value=name):
        run("image_folder", "pictures.zip", bad_files=bad_files, **SMALL)
    new = {path.name for path in Path("..").rglob("*")} - {path.name for path in before}
    assert new <= {"params.yaml", "data", "prepared"}, "nothing is unpacked"
    assert not OUT.exists()


def test_a_zip_bomb_of_many_files_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 100_000)
    folder()
    zip_pictures({f"cat/{number}.png": bytes(20_000) for number in range(100, 110)})
    with user_error("archive-too-large", path="pictures.zip"):
        run("image_folder", "pictures.zip", bad_files="skip", **SMALL)


@pytest.mark.parametrize("bad_files", ["refuse", "skip"])
def test_a_zip_file_that_lies_about_a_size_is_refused(bad_files):
    """The size in the directory is that of a member cut short: the checksum shows it."""
    folder()
    data = zip_pictures({"cat/lie.png": image_decoding.png(picture(1, 40)) * 9})
    with zipfile.ZipFile("pictures.zip") as archive:
        size = archive.getinfo("cat/lie.png").file_size
    true, lie = size.to_bytes(4, "little"), (size // 2).to_bytes(4, "little")
    assert true in data
    Path("pictures.zip").write_bytes(data.replace(true, lie))
    with user_error("archive-damaged", path="pictures.zip"):
        run("image_folder", "pictures.zip", bad_files=bad_files, **SMALL)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_truncated_zip_file_is_refused(share):
    folder()
    data = zip_pictures()
    Path("pictures.zip").write_bytes(data[: int(share * len(data))])
    with user_error("archive-damaged", path="pictures.zip"):
        run("image_folder", "pictures.zip", bad_files="skip", **SMALL)


def test_digits_are_scaled_to_bytes_and_few_are_few():
    spec = run(
        "digits", "params.yaml", classes=[5, 6, 7, 8, 9],
        split={"test": 0.5, "val": 0.2, "train_per_class": 10, "val_per_class": 5, "repeats": 2},
    )  # fmt: skip
    assert spec.labels == ("5", "6", "7", "8", "9") and spec.repeats == 2
    drawn = []
    for split in range(2):
        found = parts(split)
        assert np.bincount(found["train"]["label"]).tolist() == [10] * 5
        assert np.bincount(found["val"]["label"]).tolist() == [5] * 5
        assert found["test"]["image"].max() == 255
        drawn.append(list(found["train"]["file"]))
        names = [name for columns in found.values() for name in columns["file"]]
        assert len(names) == len(set(names)), "no picture in two parts"
    assert drawn[0] != drawn[1]


def write_idx(prefix: str, pixels: np.ndarray, labels: np.ndarray, cut: int = 0) -> None:
    Path("mnist").mkdir(exist_ok=True)
    for kind, values in (("images-idx3", pixels), ("labels-idx1", labels)):
        header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
        data = gzip.compress(header + values.astype(np.uint8).tobytes())
        Path(f"mnist/{prefix}-{kind}-ubyte.gz").write_bytes(data[: len(data) - cut])


def mnist(cut: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    for prefix, rows in (("train", 60), ("t10k", 20)):
        pixels = rng.integers(0, 256, (rows, 28, 28), dtype=np.uint8)
        write_idx(prefix, pixels, np.arange(rows) % 10, cut)
    return pixels, np.arange(20) % 10


def test_idx_files_keep_their_official_test_part():
    pixels, labels = mnist()
    spec = run("idx", "mnist", split={"val": 10})
    test = parts()["test"]
    np.testing.assert_array_equal(test["image"][..., 0], pixels)
    np.testing.assert_array_equal(test["label"], labels)
    assert spec.inputs["image"].shape == (28, 28, 1)
    np.testing.assert_array_equal(
        image_decoding.decode(test["image_bytes"][3], "x")[..., 1], pixels[3]
    )


def test_idx_files_that_are_cut_or_swapped_are_refused():
    mnist(cut=30)
    with user_error("gzip-damaged", path="mnist/train-images-idx3-ubyte.gz"):
        run("idx", "mnist")
    mnist()
    Path("mnist/t10k-labels-idx1-ubyte.gz").replace("mnist/t10k-images-idx3-ubyte.gz")
    swapped = "mnist/t10k-images-idx3-ubyte.gz"
    with user_error("header-wrong", path=swapped, value="00 00 08 01"):
        run("idx", "mnist")


def test_idx_labels_must_name_every_class():
    mnist()
    with user_error("class-count", path="mnist", key="labels", value=2):
        run("idx", "mnist", labels=["zero", "one"])


def test_a_class_whose_files_were_all_skipped_is_refused_until_it_is_left_out():
    folder()
    Path("pictures/bird").mkdir()
    Path("pictures/bird/1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with user_error("class-lost", path="pictures", key="classes", value="bird"):
        run("image_folder", "pictures", bad_files="skip", **SMALL)
    spec = run("image_folder", "pictures", bad_files="skip", classes=["cat", "dog"], **SMALL)
    assert spec.labels == ("cat", "dog")
