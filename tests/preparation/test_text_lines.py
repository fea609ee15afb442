"""Texts one a line, and parts that the source gives: what is read, kept apart, and refused."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.config.errors import UserError
from pipelines.preprocessing import tokenization
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays
from tests.support.project import distinct_text as text
from tests.support.user_errors import check, user_error

pytestmark = pytest.mark.usefixtures("empty_folder")

OUT = Path("data/prepared/set")
CLASSES = {"all": {"pos": "good.txt", "neg": "bad.txt"}}
PARTS = {"train": "train.txt", "val": "dev.txt", "test": "test.txt"}


def labelled(count: int, first: int = 0) -> list[str]:
    return [f"{n % 2} {text(n)}" for n in range(first, first + count)]


def write(name: str, lines: list[str], encoding: str = "utf-8", folder: str = "raw") -> None:
    Path(folder).mkdir(exist_ok=True)
    (Path(folder) / name).write_bytes(("\n".join(lines) + "\n").encode(encoding))


def run(source: str = "raw", recipe: str = "text_lines", seed: int = 1, **options) -> DataSpec:
    dataset = {"recipe": recipe, "source": source, "options": options}
    Path("params.yaml").write_text(yaml.safe_dump({"seed": seed, "datasets": {"set": dataset}}))
    prepare.run(Path("params.yaml"), "set")
    return DataSpec.load(OUT / "spec.json")


def refused(**options) -> UserError:
    with pytest.raises(UserError) as caught:
        run(**options)
    assert not OUT.exists(), "nothing half-written"
    return caught.value


def parts(split: int = 0) -> dict[str, dict]:
    return {part: arrays.read(OUT / f"repeat{split}/{part}") for part in prepare.SPLITS}


def rows(split: int = 0) -> dict[str, list[tuple]]:
    """(file, line, label, text) of every row of each part."""
    return {
        part: list(zip(c["file"], c["line"].tolist(), c["label"].tolist(), c["text"], strict=True))
        for part, c in parts(split).items()
    }


def two_files(each: int = 30) -> None:
    write("good.txt", [text(n) for n in range(each)])
    write("bad.txt", [text(n + 1000) for n in range(each)])


def three_parts() -> None:
    for name, count, first in (("train.txt", 40, 0), ("dev.txt", 10, 100), ("test.txt", 20, 200)):
        write(name, labelled(count, first))


def test_a_file_a_class():
    two_files()
    spec = run(files=CLASSES, positive="pos")
    assert (spec.labels, spec.positive_id) == (("neg", "pos"), 1)
    found = [row for own in rows().values() for row in own]
    assert len(found) == 60
    for file, line, label, own in found:
        assert spec.labels[label] == {"good.txt": "pos", "bad.txt": "neg"}[file]
        assert own == text(line - 1 + (0 if file == "good.txt" else 1000))


def test_folds_test_every_row_once_and_cut_their_own_val():
    """The protocol of MR: duplicates stay, near-duplicates share a fold, each has its words."""
    two_files(50)
    write("good.txt", [text(n % 47) for n in range(50)])
    split = {"method": "folds", "folds": 5, "val": 0.1}
    spec = run(files=CLASSES, duplicates="keep", split=split)
    assert spec.repeats == 5
    found = [rows(number) for number in range(5)]
    tested = [row for own in found for row in own["test"]]
    assert len(tested) == len(set(tested)) == 100
    vals = [tuple(own["val"]) for own in found]
    assert len(set(vals)) == 5 and all(abs(len(val) - 10) <= 2 for val in vals)
    for number, own in enumerate(found):
        apart = [{row[3] for row in part} for part in own.values()]
        assert not (apart[0] & apart[1] or apart[0] & apart[2] or apart[1] & apart[2])
        words = {word for row in own["train"] for word in row[3].split()}
        tokenizer = tokenization.Tokenizer.load(OUT / f"repeat{number}/assets/words.json")
        assert set(tokenizer.vocabulary) == words


def test_official_parts_of_labelled_lines_stay_as_they_are():
    three_parts()
    spec = run(files=PARTS, labels={0: "neg", "1": "pos"})
    assert spec.labels == ("neg", "pos")
    for part, first in (("train", 0), ("val", 100), ("test", 200)):
        for place, (file, line, label, own) in enumerate(rows()[part]):
            assert (file, line) == (PARTS[part], place + 1)
            assert (label, own) == ((first + place) % 2, text(first + place))


@pytest.mark.parametrize("missing", [["val"], ["test"], ["val", "test"]])
def test_what_is_not_given_is_cut_from_train(missing):
    three_parts()
    given = {part: name for part, name in PARTS.items() if part not in missing}
    run(files=given, split=dict.fromkeys(missing, 8))
    found = rows()
    for part in prepare.SPLITS:
        assert {row[0] for row in found[part]} == {given.get(part, "train.txt")}
        assert len(found[part]) == 8 or part not in missing
    assert len({row for own in found.values() for row in own}) == 40 + sum(
        {"val": 10, "test": 20}[part] for part in given if part != "train"
    )


def test_repeats_cut_other_vals_from_the_same_train():
    three_parts()
    spec = run(files={"train": "train.txt", "test": "test.txt"}, split={"val": 8, "repeats": 3})
    assert spec.repeats == 3
    assert len({tuple(rows(number)["val"]) for number in range(3)}) == 3
    assert all(rows(number)["test"] == rows(0)["test"] for number in range(3))


def test_near_copies_of_train_stay_on_one_side():
    write("test.txt", labelled(10, 500))
    write(
        "train.txt", [line for n in range(30) for line in (*labelled(1, n), f"{n % 2} " + twin(n))]
    )
    run(files={"train": "train.txt", "test": "test.txt"}, split={"val": 12})
    sides = [{(row[1] - 1) // 2 for row in rows()[part]} for part in ("train", "val")]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 30


def twin(number: int) -> str:
    return f"{text(number)} x{text(number)[1:5]}"  # four words of five are the same


def test_a_text_in_two_official_parts_is_refused_or_reported_and_never_removed(capsys):
    three_parts()
    write("test.txt", [*labelled(20, 200), "1 " + text(7).upper(), "0 " + text(101)])
    check(
        refused(files=PARTS), "split-overlap",
        path="raw/train.txt", line=8, value="raw/test.txt, line 21",
    )  # fmt: skip
    run(files=PARTS, overlap="report")
    assert "raw: 1 of 22 test texts are also in train" in capsys.readouterr().out
    assert [len(own) for own in rows().values()] == [40, 10, 22]
    assert np.flatnonzero(parts()["test"]["seen"]).tolist() == [20]


def test_copies_are_dropped_within_a_part_alone():
    three_parts()
    write("train.txt", [*labelled(40), "0 " + text(0)])
    write("test.txt", [*labelled(20, 200), "0 " + text(200), "0 " + text(2)])
    run(files=PARTS, overlap="report")
    assert [len(own) for own in rows().values()] == [40, 10, 21]


def test_the_vocabulary_is_that_of_train_and_what_is_cut_is_counted(capsys):
    three_parts()
    words = {"words": {"max_tokens": 3}}
    run(files=PARTS, inputs=words)
    tokenizer = tokenization.Tokenizer.load(OUT / "repeat0/assets/words.json")
    assert set(tokenizer.vocabulary) == {w for n in range(40) for w in text(n).split()}
    assert "raw: 70 of 70 texts are truncated after 3 tokens; " in capsys.readouterr().out
    assert parts()["train"]["words"].shape == (40, 3)


def test_a_file_of_labelled_lines_is_divided_here():
    write("all.txt", [f"__label__{'no yes'.split()[n % 2]}\t{text(n)}" for n in range(40)])
    spec = run(source="raw/all.txt", labels={"__label__no": "no", "__label__yes": "yes"})
    assert spec.labels == ("no", "yes")
    own = {part: (columns["line"].tolist(), columns["text"]) for part, columns in parts().items()}
    assert "file" not in parts()["train"]
    found = dict(pair for lines, texts in own.values() for pair in zip(lines, texts, strict=True))
    assert found == {n + 1: text(n) for n in range(40)}


def test_line_separators_within_a_text_and_other_line_ends():
    two_files()
    lines = [f"{text(n)} a\u2028b\u0085c" for n in range(30)]
    (Path("raw") / "good.txt").write_bytes("\r\n".join(lines).encode())
    run(files=CLASSES)
    found = [row for own in rows().values() for row in own if row[0] == "good.txt"]
    assert sorted(row[1] for row in found) == list(range(1, 31))
    assert {row[3] for row in found} == set(lines)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings(encoding):
    two_files()
    write("good.txt", [f"{text(n)} d\u00e9j\u00e0" for n in range(30)], encoding)
    write("bad.txt", [text(n + 1000) for n in range(30)], encoding)
    run(files=CLASSES, encoding=encoding)
    found = [row for own in rows().values() for row in own if row[0] == "good.txt"]
    assert all(row[3].endswith(" d\u00e9j\u00e0") for row in found)


def test_the_wrong_encoding_is_named_by_file_and_line():
    two_files()
    write("bad.txt", [*(text(n) for n in range(100, 104)), "caf\u00e9"], "cp1252")
    error = refused(files=CLASSES)
    check(error, "encoding-wrong", path="raw/bad.txt", line=5, value="e9")


@pytest.mark.parametrize("blank", ["", "  \t"])
def test_an_empty_line(blank):
    two_files()
    write("bad.txt", [text(100), text(101), blank, text(102)])
    check(refused(files=CLASSES), "text-empty", path="raw/bad.txt", line=3)


def test_an_empty_class():
    two_files()
    write("bad.txt", [""])
    check(refused(files=CLASSES), "file-empty", path="raw/bad.txt")


@pytest.mark.parametrize(
    ("line", "labels", "code", "value"),
    [
        ("2 a fine film", {0: "neg", 1: "pos"}, "label-unknown", "2"),
        ("a fine film", {0: "neg", 1: "pos"}, "label-unknown", "a"),
        ("1", {0: "neg", 1: "pos"}, "text-empty", "1"),
        ("1  ", None, "text-empty", "1"),
    ],
)
def test_lines_that_do_not_begin_with_a_label(line, labels, code, value):
    write("texts.txt", [*labelled(5), line, *labelled(30, 10)])
    error = refused(source="raw/texts.txt", labels=labels)
    check(error, code, path="raw/texts.txt", line=6, value=value)


def test_conflicting_labels_are_named_by_both_places():
    two_files()
    write("bad.txt", [*(text(n) for n in range(100, 130)), text(4).title()])
    error = refused(files=CLASSES)
    check(error, "label-conflict", path="raw/good.txt", line=5, value="pos")
    assert "raw/bad.txt, line 31" in error.message


OPTIONS = "datasets.set.options"


@pytest.mark.parametrize(
    ("options", "code", "path", "line", "key", "value"),
    [
        ({"files": {**PARTS, "test": "tset.txt"}}, "file-missing", "raw", None, "files",
         "tset.txt"),
        ({"files": {"all": {"pos": "a.txt", "neg": "dev.txt"}}}, "file-missing", "raw", None,
         "files", "a.txt"),
        ({}, "source-is-folder", "raw", None, "files", None),
        ({"files": PARTS, "source": "raw/dev.txt"}, "source-is-file", "raw/dev.txt", None, "files",
         None),
        ({"files": PARTS, "split": {"val": 8}}, "split-conflict", "raw", None, "split.val", 8.0),
        ({"files": PARTS, "split": {"repeats": 2}}, "split-conflict", "raw", None, "split.repeats",
         2),
        ({"files": {"train": "train.txt", "test": "test.txt"}, "split": {"method": "folds"}},
         "split-conflict", "raw", None, "split.method", "folds"),
        ({"files": {"all": "train.txt", "test": "test.txt"}}, "value-invalid", "params.yaml", 4,
         f"{OPTIONS}.files", {"all": "train.txt", "test": "test.txt"}),
        ({"files": {"test": "test.txt"}}, "value-invalid", "params.yaml", 4, f"{OPTIONS}.files",
         {"test": "test.txt"}),
        ({"files": {"train": "train.txt", "dev": "dev.txt"}}, "value-invalid", "params.yaml", 5,
         f"{OPTIONS}.files.dev", "dev"),
        ({"files": PARTS, "labels": {False: "neg", True: "pos"}}, "label-unknown",
         "raw/test.txt", 1, "labels", "0"),
        ({"files": CLASSES, "labels": {0: "neg"}}, "value-invalid", "params.yaml", 3, OPTIONS,
         {"files": CLASSES, "labels": {"0": "neg"}}),
        ({"files": PARTS, "inputs": {"a": {"granularity": "character", "numbers": "value"}}},
         "value-invalid", "params.yaml", 9, f"{OPTIONS}.inputs.a",
         {"granularity": "character", "numbers": "value"}),
    ],
)  # fmt: skip
def test_files_and_splits_that_do_not_fit(options, code, path, line, key, value):
    three_parts()
    check(refused(**options), code, path=path, line=line, key=key, value=value)


def test_a_class_that_one_part_lacks():
    three_parts()
    write("test.txt", [f"1 {text(n)}" for n in range(200, 210)])
    check(refused(files=PARTS), "class-missing", path="raw", key="split.test", value="0")


def test_tables_in_official_parts():
    """The same parts for text_csv: train.csv and test.csv."""
    for name, count, first in (("train.csv", 40, 0), ("test.csv", 20, 200)):
        write(name, ["label,text", *(line.replace(" ", ",", 1) for line in labelled(count, first))])
    run(recipe="text_csv", files={"train": "train.csv", "test": "test.csv"}, split={"val": 8})
    found = rows()
    assert [len(own) for own in found.values()] == [32, 8, 20]
    for part, own in found.items():
        for file, line, label, words in own:
            number = line - 2 + (200 if part == "test" else 0)
            assert (file, label, words) == (
                "test.csv" if part == "test" else "train.csv", number % 2, text(number)
            )  # fmt: skip
    write("test.csv", ["label,text", "0,x", "1"])
    with user_error("column-count", path="raw/test.csv", line=3, value=1):
        run(recipe="text_csv", files={"train": "train.csv", "test": "test.csv"})


def test_empty_lines_are_dropped_on_request():
    plain = labelled(40)
    write("texts.txt", [*plain[:10], "", "1", *plain[10:], "", ""])
    check(refused(source="raw/texts.txt"), "text-empty", path="raw/texts.txt", line=11, key="empty")
    run(source="raw/texts.txt", empty="drop")


def test_lines_that_end_in_carriage_returns_alone():
    write("texts.txt", labelled(40))
    digests = run(source="raw/texts.txt").digests
    path = Path("raw/texts.txt")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    assert run(source="raw/texts.txt").digests == digests
