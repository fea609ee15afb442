"""Captioned images: what is read, split by image, known from train alone, refused."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.sentencepiece import BEGIN, END, Subwords
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import user_error

OUT = Path("data/prepared/set")
SPLIT = {"val": 2, "test": 3}
TOKENS = {"method": "word", "vocabulary_size": 40, "max_tokens": 8}
WORDS = ("dog", "cat", "bird", "horse")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(source: str, **options) -> DataSpec:
    given = {"size": [8, 8], "tokens": TOKENS, "split": SPLIT, **options}
    dataset = {"recipe": "image_captions", "source": source, "options": given}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def read(split: str) -> dict:
    return arrays.read(OUT / f"repeat0/{split}")


def photo(name: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(image_decoding.png(pixels))


def table(rows, name: str = "photos/captions.csv", header=("image", "caption")) -> str:
    with Path(name).open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows] if header else rows)
    return name


def captioned(count: int = 12, first: int = 0) -> list[tuple[str, str]]:
    """Two captions of each image, which is written; the rows of an image are far apart."""
    numbers = range(first, first + count)
    for number in numbers:
        photo(f"photos/{number}.png", number)
    return [(f"{n}.png", f"A {WORDS[n % 4]}") for n in numbers] + [
        (f"{n}.png", f"there is a  {WORDS[n % 4]}") for n in numbers
    ]


def test_captions_of_an_image_stay_together():
    spec = run(table(captioned()))
    assert spec.request_inputs == ("image_bytes",)
    assert spec.inputs["caption_in"].size == spec.outputs == spec.target.size
    assert len(read("train")["caption"]) == 2 * 7 and len(read("val")["caption"]) == 2 * 2
    names = {split: read(split)["file"][:] for split in ("train", "val", "test")}
    assert sum(len(set(files)) for files in names.values()) == 12
    assert len(set().union(*names.values())) == 12
    test = read("test")
    for row, name in enumerate(test["file"]):
        word = WORDS[int(Path(name).stem) % 4]
        assert test["references"][row] == f"A {word}\nthere is a {word}"
        decoded = image_decoding.Reader(8, 8, 3)(test["image_bytes"][row], name)
        np.testing.assert_array_equal(test["image"][row], decoded)


def test_tokens_are_shifted_by_one_and_small_letters():
    run(table(captioned()))
    train, subwords = read("train"), Subwords.load(OUT / "repeat0/assets")
    ids = train["caption_in"]
    assert (ids[:, 0] == BEGIN).all() and (train["caption_out"] == END).sum(axis=1).all()
    np.testing.assert_array_equal(ids[:, 1:4], np.where(
        train["caption_out"][:, :3] == END, 0, train["caption_out"][:, :3]))  # fmt: skip
    assert subwords.decode(train["caption_out"]) == [text.lower() for text in train["caption"]]


@pytest.mark.parametrize("method", ["char", "bpe", "unigram"])
def test_captions_may_be_of_characters_or_subwords(method):
    tokens = {"method": method, "vocabulary_size": 32, "max_tokens": 40}
    run(table(captioned()), tokens=tokens)
    train, subwords = read("train"), Subwords.load(OUT / "repeat0/assets")
    assert subwords.decode(train["caption_out"]) == [text.lower() for text in train["caption"]]


def test_words_are_known_from_train_alone():
    rows = captioned(8)
    table(rows, "photos/train.csv")
    photo("photos/99.png", 99)
    table([("99.png", "a zebra")], "photos/test.csv")
    run("photos", files={"train": "train.csv", "test": "test.csv"}, split={"val": 2})
    subwords = Subwords.load(OUT / "repeat0/assets")
    assert "▁zebra" not in subwords.pieces(range(subwords.size))
    assert read("test")["references"][:] == ["a zebra"]


def test_an_image_of_two_tables_is_refused():
    rows = captioned(8)
    table(rows, "photos/train.csv")
    table(rows[:1], "photos/test.csv")
    with user_error("split-overlap", line=2, value="0.png"):
        run("photos", files={"train": "train.csv", "test": "test.csv"})


def test_equal_images_are_in_one_split():
    rows = captioned(12)
    for number in range(1, 6):
        Path(f"photos/{number}.png").write_bytes(Path("photos/0.png").read_bytes())
    run(table(rows))
    same = {f"{number}.png" for number in range(6)}
    holders = [split for split in ("train", "val", "test") if same & set(read(split)["file"][:])]
    assert len(holders) == 1


def test_flickr_lists_and_archives_are_read():
    rows = [(f"{name}#{place}", text) for place, (name, text) in enumerate(captioned(8))]
    with zipfile.ZipFile("Images.zip", "w") as archive:
        for number in range(8):
            archive.write(f"photos/{number}.png", f"Flicker8k_Dataset/{number}.png")
    lines = "\n".join(f"{name}\t{text}" for name, text in rows)
    Path("Flickr8k.token.txt").write_text(lines + "\n")
    run(
        "Flickr8k.token.txt", names=["image", "caption"], header=False, delimiter="\t",
        quoting=False, folder="Images.zip",
    )  # fmt: skip
    assert len(read("train")["caption"]) == 2 * 3


def test_a_missing_image_is_named_with_its_line():
    rows = captioned(6)
    Path("photos/4.png").unlink()
    with user_error("image-missing", path="photos/captions.csv", line=6, key="image",
                    value="4.png"):  # fmt: skip
        run(table(rows))


def test_an_empty_caption_is_named_with_its_line():
    rows = captioned(8)
    rows[3] = (rows[3][0], "  ")
    with user_error("caption-empty", path="photos/captions.csv", line=5, key="empty"):
        run(table(rows))
    run(table(rows), empty="drop")
    assert sum(len(read(split)["caption"]) for split in ("train", "val")) in (9, 10)


def test_an_image_without_a_caption_is_named():
    rows = captioned(8)
    photo("photos/extra.png", 77)
    with user_error("caption-missing", path="photos/extra.png", key="empty", value=1):
        run(table(rows))
    run(table(rows), empty="drop")


def test_a_broken_image_is_named():
    rows = captioned(8)
    data = Path("photos/2.png").read_bytes()
    Path("photos/2.png").write_bytes(data[: len(data) // 2])
    with user_error("image-damaged", path="photos/2.png"):
        run(table(rows))


def test_long_captions_are_cut_without_an_end(capsys):
    run(table(captioned()), tokens={**TOKENS, "max_tokens": 3})
    assert "truncated" in capsys.readouterr().out
    ends = (read("train")["caption_out"] == END).sum(axis=1)
    assert set(ends.tolist()) == {0, 1}


def test_a_caption_may_be_in_the_name_of_its_file():
    for number, code in enumerate(("2b8", "x4n", "pp3", "8ce", "n2m", "45x", "g7f", "ww6")):
        photo(f"codes/{code}.png", number)
    tokens = {"method": "char", "vocabulary_size": 64, "max_tokens": 5}
    run("codes", caption_in_name="(.+)[.]png", tokens=tokens)
    test = read("test")
    assert test["references"][:] == [Path(name).stem for name in test["file"]]
    with user_error("name-unmatched", key="caption_in_name", value="2b8.png"):
        run("codes", caption_in_name="(.+)[.]jpg", tokens=tokens)
