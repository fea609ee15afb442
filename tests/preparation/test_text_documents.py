"""Documents for language models: which files, what is removed, splits, tokens and back."""

import zipfile

import numpy as np
import pytest

from pipelines.datasets import text_documents
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import UNKNOWN
from pipelines.storage import arrays
from tests.support.user_errors import user_error

PLAY = "# Title\n\n**ANNA**\nI'll go, to-day!\n_Exit_\nGood (night).\n"
REMOVE = ["^#.*\n", r"^\*\*.*\n", "_[^_]*_\n", "^\n+"]


def prepare(tmp_path, contents: dict[str, str], **options):
    """(split -> columns, spec, tokenizer) of a folder of files."""
    for name, text in contents.items():
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    out = tmp_path / "out"
    spec = text_documents.prepare(text_documents.Options(**options), tmp_path / "raw", out, 1)
    parts = {name: arrays.read(out / "repeat0" / name) for name in ("train", "val", "test")}
    return parts, spec, documents.load(out / "repeat0/assets")


def given(test: str = "b.txt", val: str = "c.txt") -> dict:
    return {"files": {"train": ["*"], "val": [val], "test": [test]}}


def test_what_is_removed_and_what_a_token_is(tmp_path):
    files = {"a.txt": PLAY, "b.txt": PLAY, "c.txt": PLAY}
    parts, spec, tokenizer = prepare(tmp_path, files, remove=REMOVE, **given())
    assert list(parts["test"]["text"]) == ["I'll go, to-day!\nGood (night).\n"]
    words = [tokenizer.vocabulary[number - 2] for number in parts["train"]["tokens"][0]]
    end = documents.LINE_END
    assert words == ["I'll", "go", ",", "to-day", "!", end, "Good", "(", "night", ")", ".", end]
    assert documents.join(words, "word") == parts["test"]["text"][0]
    assert spec.task_metadata["tokens"] == {"train": 12, "val": 12, "test": 12}


def test_a_file_is_of_the_first_of_test_val_train(tmp_path):
    files = {"a.txt": "one", "b.txt": "two", "c.txt": "three", "d/e.txt": "four"}
    parts, _, tokenizer = prepare(tmp_path, files, **given())
    assert [list(part["text"]) for part in parts.values()] == [["one", "four"], ["three"], ["two"]]
    assert parts["test"]["tokens"][0].tolist() == [UNKNOWN]  # the vocabulary is that of train
    assert sorted(tokenizer.vocabulary) == ["four", "one"]


def test_lines_are_documents_and_end_as_such(tmp_path):
    files = {"a.txt": "a b\n\nb c\n", "b.txt": "a\n", "c.txt": "b\n"}
    parts, spec, tokenizer = prepare(tmp_path, files, document="line", **given())
    assert list(parts["train"]["text"]) == ["a b\n", "b c\n"]
    end = spec.task_metadata["end"]
    assert tokenizer.vocabulary[end - 2] == documents.LINE_END
    assert all(ids[-1] == end for ids in parts["train"]["tokens"])


def test_characters_come_back_to_the_last_one(tmp_path):
    text = "Zwei  Zeilen:\n\tÄpfel & ¡piña!\n"
    files = dict.fromkeys(("a.txt", "b.txt", "c.txt"), text)
    parts, _, tokenizer = prepare(tmp_path, files, granularity="character", **given())
    characters = [tokenizer.vocabulary[number - 2] for number in parts["train"]["tokens"][0]]
    assert documents.join(characters, "character") == text


def test_one_document_is_cut_from_its_end(tmp_path):
    text = "".join(str(number % 10) for number in range(100))
    options = {"granularity": "character", "split": {"method": "end", "val": 0.2, "test": 0.1}}
    parts, _, _ = prepare(tmp_path, {"a.txt": text}, **options)
    pieces = [parts[name]["text"][0] for name in ("train", "val", "test")]
    assert list(map(len, pieces)) == [70, 20, 10]
    assert "".join(pieces) == text


def test_whole_documents_are_drawn(tmp_path):
    files = {f"{number}.txt": f"word{number}" for number in range(20)}
    parts, _, _ = prepare(tmp_path, files, split={"val": 0.2, "test": 3})
    texts = [set(part["text"]) for part in parts.values()]
    assert list(map(len, texts)) == [13, 4, 3]
    assert set.union(*texts) == set(files.values())


def test_an_archive_is_read_as_it_is(tmp_path):
    path = tmp_path / "data.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abc":
            archive.writestr(f"plays/{name}.md", f"text {name}")
        archive.writestr("plays/__init__.py", "no text")
    options = text_documents.Options(
        files={"train": ["*/a.md"], "val": ["*/b.md"], "test": ["*/c.md"]}
    )
    assert text_documents.read(options, path) == {
        "train": ["text a"], "val": ["text b"], "test": ["text c"]
    }  # fmt: skip


def test_one_document_cannot_be_drawn_from(tmp_path):
    with user_error(
        "document-alone", path=str(tmp_path / "raw"), key="split.method", value="random"
    ):
        prepare(tmp_path, {"a.txt": "one two"})


@pytest.mark.parametrize("options", [{"split": {"method": "end"}}, {"document": "line"}])
def test_each_cure_of_one_document_works(tmp_path, options):
    text = "".join(f"line {number}\n" for number in range(40))
    parts, _, _ = prepare(tmp_path, {"a.txt": text}, **options)
    assert all(len(part["text"]) for part in parts.values())


def test_a_pattern_that_no_file_has(tmp_path):
    with user_error("files-missing", path=str(tmp_path / "raw"), key="files.test"):
        prepare(tmp_path, {"a.txt": "x", "c.txt": "y"}, **given(test="none.txt"))


def test_a_pattern_that_is_no_expression():
    with pytest.raises(ValueError, match="unterminated"):
        text_documents.Options(remove=["["])


def test_the_longest_document_is_in_the_spec(tmp_path):
    files = {"a.txt": "a b c", "b.txt": "a", "c.txt": "a b"}
    parts, spec, _ = prepare(tmp_path, files, line_end=False, **given())
    assert spec.inputs["tokens"].shape == (3,)
    assert np.concatenate(list(parts["train"]["tokens"])).max() < spec.outputs


def test_subwords(tmp_path):
    files = {"a.txt": "The cows eat grass.\n" * 9, "b.txt": "The bats eat hay.\n", "c.txt": "x\n"}
    parts, spec, tokenizer = prepare(
        tmp_path, files, granularity="subword", vocabulary_size=300, **given()
    )
    ids = parts["test"]["tokens"][0].tolist()
    assert documents.decode(tokenizer, ids) == files["b.txt"]
    assert spec.task_metadata["granularity"] == "subword"
    assert spec.outputs == tokenizer.size <= 300


@pytest.mark.parametrize("options", [{"lowercase": True}, {"line_end": False}])
def test_subwords_lose_nothing(options):
    with pytest.raises(ValueError, match="sub-words"):
        text_documents.Options(granularity="subword", **options)


def test_a_vocabulary_too_small_for_the_bytes(tmp_path):
    files = dict.fromkeys(("a.txt", "b.txt", "c.txt"), "some text\n")
    with user_error("vocabulary-size", key="vocabulary_size", value=40):
        prepare(tmp_path, files, granularity="subword", vocabulary_size=40, **given())
