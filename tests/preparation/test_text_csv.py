"""The recipe for files of texts: how rows are divided, and what train alone decides."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.preprocessing import near_duplicates, tokenization, windows
from pipelines.spec import DataSpec
from pipelines.stages import prepare
from pipelines.storage import arrays

pytestmark = pytest.mark.usefixtures("empty_folder")

OUT = Path("data/prepared/sms")
WORDS = {
    "words": {"granularity": "word", "lowercase": True, "vocabulary_size": 4000, "max_tokens": 6}
}


def word(number: int) -> str:
    """Letters only: digits are all read as zeros."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "q" + "".join(letters[number // 26**place % 26] for place in range(3))


def corpus(count: int, seed: int = 0, copies: int = 1) -> list[tuple[str, str]]:
    """(label, text): a third spam; each text has up to `copies` near-duplicates, shuffled."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        words = [word(n) for n in rng.integers(0, 4000, 12).tolist()]
        label = "spam" if rng.random() < 1 / 3 else "ham"
        for number in range(int(rng.integers(1, copies + 1))):
            found.append((label, " ".join([*words, word(len(found) + 5000)] if number else words)))
    return [found[row] for row in rng.permutation(count)]


def write(rows, delimiter=",", header=("label", "text"), **how) -> None:
    with Path("texts.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, **how)
        writer.writerows([*([header] if header else []), *rows])


def run(seed=1, **options) -> DataSpec:
    dataset = {"recipe": "text_csv", "source": "texts.csv", "options": {"inputs": WORDS} | options}
    params = {"seed": seed, "datasets": {"sms": dataset}}
    Path("params.yaml").write_text(yaml.safe_dump(params), "utf-8")
    prepare.run(Path("params.yaml"), "sms")
    return DataSpec.load(OUT / "spec.json")


def parts(split: int = 0) -> dict[str, dict]:
    return {part: arrays.read(OUT / f"repeat{split}/{part}") for part in prepare.SPLITS}


def lines(split: int = 0) -> dict[str, list[int]]:
    """Line numbers of each split. The first row of `corpus` is on line 2."""
    return {part: columns["line"].tolist() for part, columns in parts(split).items()}


def jaccard(one: str, other: str) -> float:
    a, b = (set(re.findall(r"\w+", text)) for text in (one, other))
    return len(a & b) / len(a | b)


def test_every_row_keeps_its_text_its_label_and_its_line():
    rows = corpus(120)
    write(rows)
    spec = run(positive="spam")
    for columns in parts().values():
        for text, label, line in zip(
            columns["text"], columns["label"], columns["line"], strict=True
        ):
            assert (spec.labels[label], text) == rows[line - 2]


def test_file_order_tests_on_the_last_rows():
    rows = corpus(200)
    write(rows)
    run(split={"method": "file_order", "val": 30, "test": 50})
    found = lines()
    assert found["test"] == list(range(152, 202))
    assert sorted(found["train"] + found["val"]) == list(range(2, 152))
    assert abs(len(found["val"]) - 30) <= 1
    names = [label for label, _ in rows[:150]]
    expected = round(30 * names.count("spam") / 150)
    assert int(parts()["val"]["label"].sum()) == expected
    assert found["val"] != list(range(found["val"][0], found["val"][0] + len(found["val"])))


def test_file_order_with_fractions():
    write(corpus(200))
    run(split={"method": "file_order", "val": 0.1, "test": 0.25})
    assert lines()["test"] == list(range(152, 202))
    assert abs(len(lines()["val"]) - 20) <= 1


def test_repeats_are_different_and_each_is_complete():
    write(corpus(200))
    spec = run(split={"repeats": 4, "val": 0.2, "test": 0.2})
    assert spec.repeats == 4
    found = [lines(number) for number in range(4)]
    for own in found:
        assert sorted(line for rows in own.values() for line in rows) == list(range(2, 202))
        assert abs(len(own["val"]) - 40) <= 1 and abs(len(own["test"]) - 40) <= 1
    assert len({tuple(own["test"]) for own in found}) == 4
    assert len({tuple(own["val"]) for own in found}) == 4
    assert len({digest for part, digest in spec.digests.items()}) == 12


def test_more_repeats_do_not_change_the_first_ones():
    write(corpus(120))
    few = run(split={"repeats": 2}).digests
    many = run(split={"repeats": 3}).digests
    assert few.items() < many.items()


def test_folds_test_every_row_once():
    write(corpus(200))
    spec = run(split={"method": "folds", "folds": 5, "val": 0.2})
    assert spec.repeats == 5
    found = [lines(number) for number in range(5)]
    assert sorted(line for own in found for line in own["test"]) == list(range(2, 202))
    assert all(39 <= len(own["test"]) <= 41 for own in found)
    for number, own in enumerate(found):
        assert sorted(line for rows in own.values() for line in rows) == list(range(2, 202))
        shares = [np.mean(columns["label"]) for columns in parts(number).values()]
        assert max(shares) - min(shares) < 0.03


@pytest.mark.parametrize(
    "split", [{"repeats": 2, "val": 0.2, "test": 0.2}, {"method": "folds", "folds": 3, "val": 0.2}]
)
@pytest.mark.parametrize("copies", ["drop", "keep"])
def test_near_copies_never_stand_in_two_parts(split, copies):
    rows = corpus(150, copies=3)
    write([*rows, *((label, text.upper()) for label, text in rows[:20])])
    spec = run(split=split, duplicates=copies)
    near = 0
    for number in range(spec.repeats):
        found = [
            (part, t.lower()) for part, columns in parts(number).items() for t in columns["text"]
        ]
        assert len(found) == (170 if copies == "keep" else 150)
        for place, (part, text) in enumerate(found):
            for other_part, other in found[:place]:
                if jaccard(text, other) >= near_duplicates.MIN_SIMILARITY:
                    near += 1
                    assert part == other_part
    assert near > 100


def test_copies_are_dropped_and_the_first_is_kept():
    rows = corpus(100)
    write([*rows, *((label, f"  {text.title()} ") for label, text in rows[::3])])
    run()
    assert sorted(line for own in lines().values() for line in own) == list(range(2, 102))


def test_seen_marks_the_test_rows_whose_text_stands_in_train():
    rows = corpus(160)
    rows[110:130] = [(label, text.upper().replace(" ", "  ")) for label, text in rows[:20]]
    write(rows)
    run(
        duplicates="keep",
        overlap="report",
        split={"method": "file_order", "val": 40, "test": 50},
    )
    found = lines()
    copy_of = {line: line - 110 for line in range(112, 132)}
    expected = [copy_of.get(line) in found["train"] for line in found["test"]]
    assert parts()["test"]["seen"].tolist() == expected
    assert 0 < sum(expected) < 20  # some of the first twenty are in val: those do not count
    assert all("seen" not in parts()[part] for part in ("train", "val"))


def test_without_copies_nothing_is_seen():
    write(corpus(100))
    run()
    assert not parts()["test"]["seen"].any()


def test_the_vocabulary_is_that_of_train():
    rows = corpus(100)
    known = rows[0][1].split()[0]
    rows[1:80] = [(label, f"{text} {known}") for label, text in rows[1:80]]
    rows[-1] = ("ham", f"onlyintest {known} onlyintest")
    write(rows)
    spec = run(split={"method": "file_order", "val": 20, "test": 20})
    tokenizer = tokenization.Tokenizer.load(OUT / "repeat0/assets/words.json")
    words = {own for text in parts()["train"]["text"] for own in text.split()}
    assert set(tokenizer.vocabulary) == words
    assert spec.inputs["words"].size == len(words) + 2 == tokenizer.size
    number = tokenizer.vocabulary.index(known) + tokenization.SPECIAL_IDS
    unknown = tokenization.UNKNOWN
    assert parts()["test"]["words"][-1].tolist() == [unknown, number, unknown, 0, 0, 0]
    assert not (parts()["train"]["words"] == unknown).any()
    for part in ("val", "test"):
        for ids, text in zip(parts()[part]["words"], parts()[part]["text"], strict=True):
            seen = [own in words for own in text.split()][:6]
            assert (ids[: len(seen)] != unknown).tolist() == seen


def test_train_alone_decides_what_train_looks_like():
    """Other texts in val and test leave the arrays and the assets of train as they were."""
    rows = corpus(100)
    write(rows)
    split = {"method": "file_order", "val": 20, "test": 20}
    before = run(split=split).digests
    asset = (OUT / "repeat0/assets/words.json").read_bytes()
    kept = set(lines()["train"])
    other = [
        row if line in kept else (row[0], f"x y z {word(line)}") for line, row in enumerate(rows, 2)
    ]
    write(other)
    after = run(split=split).digests
    assert after["repeat0/train"] == before["repeat0/train"]
    assert after["repeat0/val"] != before["repeat0/val"]
    assert after["repeat0/test"] != before["repeat0/test"]
    assert (OUT / "repeat0/assets/words.json").read_bytes() == asset


def test_zeros_are_padding_at_the_end_and_nothing_else():
    rng = np.random.default_rng(0)
    rows = [
        (
            "spam" if row % 2 else "ham",
            " ".join(f"{'abcdefgh'[n]}x" for n in own) + f" r{'i' * row}",
        )
        for row, own in enumerate(rng.integers(0, 8, n).tolist() for n in rng.integers(0, 12, 80))
    ]
    write(rows)
    run(duplicates="drop")
    lengths = set()
    for columns in parts().values():
        for ids, text in zip(columns["words"], columns["text"], strict=True):
            length = min(len(text.split(" ")), 6)
            assert (ids[:length] > 0).all() and (ids[length:] == 0).all()
            lengths.add(length)
    assert lengths == set(range(1, 7))


def test_several_inputs_side_by_side():
    write(corpus(60))
    letters = {"granularity": "character", "vocabulary_size": 8, "max_tokens": 40}
    spec = run(inputs=WORDS | {"letters": letters})
    assert {name: field.shape for name, field in spec.inputs.items()} == {
        "words": (6,), "letters": (40,),
    }  # fmt: skip
    assert spec.inputs["letters"].size == 8
    for columns in parts().values():
        assert columns["letters"].max() <= 7
        assert columns["letters"].shape == (len(columns["text"]), 40)


def test_sub_words_are_learned_from_train_alone():
    write(corpus(60))
    spec = run(
        inputs={"pieces": {"granularity": "subword", "vocabulary_size": 50, "max_tokens": 20}}
    )
    tokenizer = tokenization.Tokenizer.load(OUT / "repeat0/assets/pieces.json")
    train = list(parts()["train"]["text"])
    assert tokenizer == tokenization.learn(train, "subword", True, 50, 20)
    assert spec.inputs["pieces"].size == tokenizer.size <= 50
    for columns in parts().values():
        expected = windows.pad(tokenizer.encode(columns["text"]), 20)
        np.testing.assert_array_equal(columns["pieces"], expected)


def test_the_longest_vocabulary_of_all_splits_is_the_size():
    write(corpus(60))
    spec = run(split={"repeats": 5}, inputs={"letters": {"granularity": "word"}})
    sizes = [
        len(json.loads((OUT / f"repeat{n}/assets/letters.json").read_text())["vocabulary"])
        for n in range(5)
    ]
    assert spec.inputs["letters"].size == max(sizes) + 2


def test_tabs_without_a_header_by_position_with_quotes_in_the_text():
    rows = corpus(80)
    rows[3] = ("ham", 'she said "no" and left')
    rows[4] = ("ham", '"and this one never ends')
    rows[5] = ("ham", 'a comma, a "" and an apostrophe\'s end"')
    Path("texts.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows), "utf-8")
    Path("texts.tsv").rename("texts.csv")
    run(delimiter="\t", quoting=False, header=False, label=0, text=1)
    found = {
        line: t
        for own in parts().values()
        for line, t in zip(own["line"].tolist(), own["text"], strict=True)
    }
    assert [found[line] for line in range(1, 81)] == [text for _, text in rows]


@pytest.mark.parametrize("header", [True, False])
def test_columns_by_position(header):
    rows = corpus(80)
    write([(7, text, "x", label) for label, text in rows], header=header and ("i", "t", "x", "l"))
    spec = run(text=1, label=3, header=header)
    assert spec.labels == ("ham", "spam")
    by_position = spec.digests
    write([(7, text, "x", label) for label, text in rows], header=("i", " t ", "x", "l"))
    by_name = run(text="t", label="l").digests
    assert (by_position == by_name) == header  # without a header, lines are counted from one less


def test_quoted_cells_with_delimiters_quotes_and_line_breaks():
    rows = corpus(80)
    rows[3] = ("ham", 'one, two "three"\nfour')
    write(rows, delimiter=";", quoting=csv.QUOTE_ALL)
    run(delimiter=";")
    assert rows[3][1] in [text for own in parts().values() for text in own["text"]]


def test_two_runs_write_the_same_bytes():
    write(corpus(150, copies=2))
    options = {"split": {"repeats": 2}, "positive": "spam"}
    run(**options)
    before, spec = arrays.digest(OUT), (OUT / "spec.json").read_bytes()
    run(**options)
    assert arrays.digest(OUT) == before
    assert (OUT / "spec.json").read_bytes() == spec


def test_digests_are_of_the_arrays_and_the_seed_decides_them():
    write(corpus(150))
    first = run(seed=1).digests
    assert set(first) == {f"repeat0/{part}" for part in prepare.SPLITS}
    assert first == {part: arrays.digest(OUT / part) for part in first}
    second = run(seed=2).digests
    assert all(second[part] != digest for part, digest in first.items())


def test_a_spec_is_read_as_it_was_written():
    write(corpus(60))
    spec = run(positive="spam")
    spec.save(Path("again.json"))
    assert DataSpec.load(Path("again.json")) == spec
    assert Path("again.json").read_bytes() == (OUT / "spec.json").read_bytes()
    assert (spec.target.name, spec.request_inputs, spec.positive_id) == ("label", ("text",), 1)
