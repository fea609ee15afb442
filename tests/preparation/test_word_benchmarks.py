"""Text and benchmarks of word vectors: what is a document, what a question, and what is refused."""

import pytest
from pydantic import ValidationError

from pipelines.datasets import word_benchmarks
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import Tokenizer
from pipelines.storage import arrays
from tests.support.user_errors import user_error

TEXT = "The king, and the queen; a man - and a woman.\n"
PAIRS = "# about\nking\tqueen\t8.5\nKing\tcar\t1\nman\twoman\t8\n"
ANALOGIES = ": family\nman woman king queen\nman woman boy girl\n: gram1-x\nking queen man woman\n"
FILES = {
    "text/a.txt": TEXT, "text/b.txt": TEXT, "text/c.txt": "unseen words",
    "wordsim353.tsv": PAIRS, "simlex999.txt": PAIRS, "questions-words.txt": ANALOGIES,
}  # fmt: skip
OPTIONS = {
    "text": "text",
    "documents": {
        "files": {"train": ["*"], "val": ["c.txt"]}, "lowercase": True, "line_end": False,
    },
}  # fmt: skip


def prepare(tmp_path, options=OPTIONS, **changes: str):
    """(split -> columns, spec, vocabulary) of a folder of files."""
    for name, text in {**FILES, **changes}.items():
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    out = tmp_path / "out"
    spec = word_benchmarks.prepare(
        word_benchmarks.Options(**options), tmp_path / "raw", out, seed=1
    )
    splits = {name: arrays.read(out / "repeat0" / name) for name in ("train", "val", "test")}
    tokenizer = Tokenizer.load(out / "repeat0/assets" / documents.VOCABULARY_FILE)
    return splits, spec, tokenizer.vocabulary


def test_documents_and_questions(tmp_path):
    splits, spec, vocabulary = prepare(tmp_path)
    assert [len(columns["tokens"]) for columns in splits.values()] == [2, 1, 6]
    assert sorted(vocabulary) == ["a", "and", "king", "man", "queen", "the", "woman"]
    test = splits["test"]
    assert list(test["text"][:2]) == ["king queen", "man woman"]
    assert test["benchmark"].tolist() == [0, 0, 1, 1, 2, 3]
    assert test["rating"].tolist() == [8.5, 8, 8.5, 8, 0, 0]
    words = [vocabulary[number - 2] for number in test["tokens"][4]]
    assert words == ["man", "woman", "king", "queen"]
    covered = {
        name: tuple(count.values()) for name, count in spec.task_metadata["benchmarks"].items()
    }
    assert covered == {
        "wordsim353": (2, 3), "simlex999": (2, 3), "semantic": (1, 2), "syntactic": (1, 1)
    }  # fmt: skip


def test_documents_that_the_split_gives_to_test_are_trained_on(tmp_path):
    changes = {f"text/{number}.txt": TEXT for number in range(7)}
    documents_of = {"lowercase": True, "split": {"val": 2, "test": 3}}
    splits, _, _ = prepare(tmp_path, {"text": "text", "documents": documents_of}, **changes)
    assert [len(splits[name]["tokens"]) for name in ("train", "val")] == [8, 2]


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("wordsim353.tsv", "king\tqueen\t8\nking queen 7\n", 2),
        ("wordsim353.tsv", "king\tqueen\tnear\n", 1),
        ("questions-words.txt", ": family\n\nman woman king\n", 3),
    ],
)
def test_a_line_that_is_no_question(tmp_path, file, text, line):
    with user_error("question-invalid", path=str(tmp_path / "raw" / file), line=line):
        prepare(tmp_path, **{file: text})


def test_a_text_without_the_words_of_the_benchmark(tmp_path):
    path = str(tmp_path / "raw/wordsim353.tsv")
    with user_error("benchmark-not-covered", path=path):
        prepare(tmp_path, **{"wordsim353.tsv": "cat\tdog\t7\nking\tqueen\t8\n"})


def test_a_benchmark_that_is_not_there(tmp_path):
    with user_error("file-missing"):
        prepare(tmp_path, {**OPTIONS, "simlex999": "simlex.txt"})


def test_vectors_are_of_words():
    with pytest.raises(ValidationError, match="granularity"):
        word_benchmarks.Options(documents={"granularity": "character"})
