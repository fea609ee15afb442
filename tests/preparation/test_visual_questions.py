"""Questions about images: what is read, split by image, known from train alone, refused."""

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.config import errors
from pipelines.preparation.data_report import findings
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.user_errors import user_error

OUT = Path("data/prepared/set")
SPLIT = {"val": 2, "test": 3}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(source: str, recipe: str = "questions_csv", **options) -> DataSpec:
    dataset = {"recipe": recipe, "source": source, "options": {"size": [8, 8], **options}}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 1, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def read(split: str) -> dict:
    return arrays.read(OUT / f"repeat0/{split}")


def photo(name: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(image_decoding.png(pixels))


def table(rows, name: str = "asked/questions.csv", header=("image", "question", "answer")) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with Path(name).open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return name


def asked(count: int = 12, first: int = 0) -> list[tuple[str, str, str]]:
    """Two questions about each image, which is written; the rows of an image are far apart."""
    rows = []
    for number in range(first, first + count):
        photo(f"asked/{number}.png", number)
        rows.append((f"{number}.png", "Is it red?", "yes" if number % 2 else "No"))
    return rows + [
        (f"{n}.png", f"how many of {n}?", str(n % 3)) for n in range(first, first + count)
    ]


def test_questions_of_an_image_stay_together_and_answers_ignore_case():
    spec = run(table(asked()), split=SPLIT)
    assert spec.labels == ("0", "1", "2", "no", "yes") and spec.outputs == 5
    assert spec.request_inputs == ("image_bytes", "question")
    names = {split: read(split)["file"][:] for split in ("train", "val", "test")}
    assert {split: len(set(files)) for split, files in names.items()} == {
        "train": 7, "val": 2, "test": 3
    }  # fmt: skip
    assert len(set().union(*names.values())) == 12
    test = read("test")
    assert spec.task_metadata["resampled"] == [2, 2, 2]
    assert test["file"][::2] == test["file"][1::2]
    for row, name in enumerate(test["file"]):
        number = int(Path(name).stem)
        expected = {"yes" if number % 2 else "no", str(number % 3)}
        assert spec.labels[test["label"][row]] in expected
        decoded = image_decoding.Reader(8, 8, 3)(test["image_bytes"][row], name)
        np.testing.assert_array_equal(test["image"][row], decoded)


def test_words_and_answers_are_known_from_train_alone():
    table(asked(8), "asked/train.csv")
    photo("asked/99.png", 99)
    new = [("99.png", "is it purple?", "maybe"), ("99.png", "is it red?", "yes")]
    table(new, "asked/test.csv")
    files = {"train": "train.csv", "test": "test.csv"}
    spec = run("asked", files=files, split={"val": 2})
    test = read("test")
    assert "maybe" not in spec.labels
    assert test["label"].tolist() == [spec.outputs, spec.labels.index("yes")]
    assert test["words"][0, 2] == 1 and test["words"][1, 2] > 1


def test_rare_answers_are_left_out_of_train():
    spec = run(table(asked()), answers=2, split=SPLIT)
    assert spec.outputs == len(spec.labels) == 2
    assert set(read("train")["label"].tolist()) == {0, 1}
    assert set(read("val")["label"].tolist()) <= {0, 1}
    assert 2 in read("test")["label"]  # an answer that cannot be given


def test_a_missing_image_is_named_with_its_line():
    rows = asked(6)
    Path("asked/4.png").unlink()
    with user_error("image-missing", path="asked/questions.csv", line=6, key="image",
                    value="4.png"):  # fmt: skip
        run(table(rows), split=SPLIT)


def test_images_may_be_in_another_folder():
    rows = [(f"asked/{name}", question, answer) for name, question, answer in asked(8)]
    name = table(rows, "tables/questions.csv")
    run(name, folder="..", split=SPLIT)
    with user_error("image-missing", key="image", value="asked/0.png"):
        run(name, split=SPLIT)


@pytest.mark.parametrize("column", ["image", "question", "answer"])
def test_an_empty_cell_is_refused_or_dropped(column):
    rows = [list(row) for row in asked(8)]
    rows[2][("image", "question", "answer").index(column)] = "  "
    name = table(rows)
    with user_error(f"{column}-empty", line=4, key="empty"):
        run(name, split=SPLIT)
    run(name, empty="drop", split=SPLIT)
    (rows,) = [finding.count for finding in findings.read(OUT) if finding.code == "rows"]
    assert rows == 15


def test_an_image_that_is_none_is_refused():
    rows = asked(6)
    Path("asked/3.png").write_bytes(b"GIF89a")
    with pytest.raises(errors.UserError) as error:
        run(table(rows), split=SPLIT)
    assert error.value.code == "image-format" and "3.png" in str(error.value.path)


def test_a_column_that_is_missing_is_named():
    with user_error("column-missing", key="answer", value="answer"):
        run(table(asked(6), header=("image", "question", "reply")), split=SPLIT)
    run(table(asked(6), header=("image", "question", "reply")), answer="reply", split=SPLIT)


@pytest.mark.parametrize("copied", [False, True])
def test_an_image_in_two_splits_is_refused(copied):
    """By its name, and by its pixels."""
    rows = asked(8)
    name = "0.png"
    if copied:
        name = "copy.png"
        Path("asked/copy.png").write_bytes(Path("asked/0.png").read_bytes())
    table(rows, "asked/train.csv")
    table([(name, "is it red?", "no")], "asked/test.csv")
    with user_error("split-overlap"):
        run("asked", files={"train": "train.csv", "test": "test.csv"}, split={"val": 2})


def test_one_answer_alone_is_refused():
    with user_error("class-count"):
        run(table([(name, text, "yes") for name, text, _ in asked(8)]), split=SPLIT)


def test_questions_with_several_answers_are_in_the_report():
    rows = asked(8)
    run(table([*rows, ("1.png", "is it RED?", "no")]), split=SPLIT)
    found = {finding.code: finding.count for finding in findings.read(OUT)}
    assert found["answers-differ"] == 1 and found["rows"] == 17


def write_easy(without: str = "") -> None:
    """Six images of train and two of test, in the form of easy-VQA."""
    with zipfile.ZipFile("easy.zip", "w") as archive:
        for split, count in (("train", 6), ("test", 2)):
            questions = []
            for number in range(count):
                pixels = np.full((8, 8, 3), 15 * number + 100 * (split == "test"), np.uint8)
                name = f"easy_vqa/data/{split}/images/{number}.png"
                if name != without:
                    archive.writestr(name, image_decoding.png(pixels))
                questions.append(["is it dark?", "yes" if number < 3 else "no", number])
            text = json.dumps(questions[::-1])
            archive.writestr(f"easy_vqa/data/{split}/questions.json", text)


def test_easy_vqa_keeps_the_official_test():
    write_easy()
    run("easy.zip", "easy_vqa", val=2)
    assert sorted(read("test")["file"]) == ["test/images/0.png", "test/images/1.png"]
    assert len(read("train")["label"]) == 4 and len(read("val")["label"]) == 2
    test = read("test")
    assert [int(image[0, 0, 0]) for image in test["image"]] == [100, 115]


def test_another_archive_is_refused():
    write_easy(without="easy_vqa/data/test/images/1.png")
    with user_error("member-missing", value="easy_vqa/data/test/images/1.png"):
        run("easy.zip", "easy_vqa", val=2)
