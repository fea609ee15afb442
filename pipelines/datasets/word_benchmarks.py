"""Documents to learn word vectors from, and benchmarks of word similarity and analogy as test.

A row of train and val is a document, a row of test is a question: two words, which people have
rated for similarity, or four, of which the fourth is to be answered. A question is a text as well,
so that its words are read by the same rules. Questions with a word that the vocabulary lacks are
left out; task_metadata says how many.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, model_validator

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.datasets import text_documents
from pipelines.preparation import document_splits, text_files
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import UNKNOWN, Tokenizer

BENCHMARKS = ("wordsim353", "simlex999", "semantic", "syntactic")
SYNTACTIC = "gram"  # how the names of the sections begin that are of grammar


class Options(BaseModel):
    """Where the text and the benchmarks are in the source, which is a folder.

    Args:
        text: a file, an archive or a folder in the source; "." is the source itself.
        documents: how the text is read, as in the options of text_documents. Only train and val are
            made; documents that `files` or `split` gives to test are trained on, since the test is
            the benchmarks.
        wordsim353: pairs of words rated for relatedness: word, tab, word, tab, rating.
        simlex999: pairs of words rated for similarity, in the same form.
        analogies: four words a line, "man king woman queen"; a line ": name" begins a section.
    """

    model_config = STRICT
    text: str = "."
    documents: text_documents.Options = text_documents.Options()
    wordsim353: str = "wordsim353.tsv"
    simlex999: str = "simlex999.txt"
    analogies: str = "questions-words.txt"

    @model_validator(mode="after")
    def _of_words(self):
        if self.documents.granularity != "word":
            raise ValueError("documents.granularity: word vectors are of words; leave it out")
        return self


class Question(NamedTuple):
    """benchmark: its number in BENCHMARKS. rating: by people; 0 of an analogy."""

    text: str
    benchmark: int
    rating: float


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    settings = options.documents
    texts = text_documents.read(settings, raw / options.text)
    if "val" not in texts:
        texts = document_splits.split(settings.split, raw / options.text, texts, seed)
    train = [*texts["train"], *texts.get("test", ())]
    tokenizer = learn(train, settings)
    lengths = {
        name: document_splits.write(out / "repeat0" / name, rows, tokenizer)
        for name, rows in (("train", train), ("val", texts["val"]))
    }
    every = list(questions(options, raw))
    covered = write_questions(out / "repeat0/test", every, tokenizer, raw / options.wordsim353)
    (out / "repeat0/assets").mkdir()
    tokenizer.save(out / "repeat0/assets" / documents.VOCABULARY_FILE)
    counts = {split: sum(tokens) for split, tokens in lengths.items()}
    described = text_documents.data_spec(tokenizer, lengths, ends_at_line=False)
    facts = {"tokens": counts, "benchmarks": _coverage(every, covered)}
    return replace(described, task_metadata=facts)


def learn(train: list[str], settings: text_documents.Options) -> Tokenizer:
    """Signs alone are no words: without them in the vocabulary they are unknown."""
    rules = documents.Settings("word", settings.signs, settings.lowercase, settings.line_end)
    tokenizer = documents.learn(train, rules, settings.vocabulary_size)
    words = [token for token in tokenizer.vocabulary if any(map(str.isalnum, token))]
    return replace(tokenizer, vocabulary=words)


def questions(options: Options, raw: Path) -> Iterator[Question]:
    """All questions, in the order of BENCHMARKS."""
    for number, name in enumerate(BENCHMARKS[:2]):
        yield from _pairs(raw / getattr(options, name), number)
    asked = list(_analogies(raw / options.analogies))
    yield from sorted(asked, key=lambda question: question.benchmark)


def _pairs(path: Path, benchmark: int) -> Iterator[Question]:
    for line, text in _lines(path):
        if text.startswith("#"):
            continue
        cells = text.split("\t")
        try:
            first, second, rating = cells
            yield Question(f"{first} {second}", benchmark, float(rating))
        except ValueError:
            raise UserError(
                "question-invalid", "not a pair with its rating; write: word, tab, word, tab, "
                "number",
                path=path, line=line, value=text,
            ) from None  # fmt: skip


def _analogies(path: Path) -> Iterator[Question]:
    benchmark = BENCHMARKS.index("semantic")
    for line, text in _lines(path):
        if text.startswith(":"):
            is_syntactic = text.removeprefix(":").strip().startswith(SYNTACTIC)
            benchmark = BENCHMARKS.index("syntactic" if is_syntactic else "semantic")
        elif len(text.split()) == 4:
            yield Question(" ".join(text.split()), benchmark, 0.0)
        else:
            raise UserError(
                "question-invalid", "not four words; write an analogy as: man king woman queen",
                path=path, line=line, value=text,
            )  # fmt: skip


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of lines that are not blank."""
    errors.existing(path, "put the benchmark there, or correct the option that names it")
    lines = text_files.decode(path, text_files.contents(path), "utf-8").splitlines()
    yield from ((number, text) for number, text in enumerate(lines, 1) if text.strip())


def write_questions(
    folder: Path, every: list[Question], tokenizer: Tokenizer, source: Path
) -> list[Question]:
    """Stores the questions whose words are all known, and returns them.

    Args:
        source: of the benchmark that models are chosen by, for the error.

    Raises:
        UserError: fewer than two of its pairs are covered, so that there is no correlation.
    """
    tokens = tokenizer.encode(question.text for question in every)
    covered = [
        question for question, ids in zip(every, tokens, strict=True)
        if UNKNOWN not in ids and len(ids) == len(question.text.split())
    ]  # fmt: skip
    if sum(question.benchmark == 0 for question in covered) < 2:
        raise UserError(
            "benchmark-not-covered",
            "the vocabulary of the text has fewer than two of its pairs; use more text, set "
            "documents: {lowercase: true}, or raise documents.vocabulary_size",
            path=source, value=len(covered),
        )  # fmt: skip
    document_splits.write(
        folder, [question.text for question in covered], tokenizer,
        benchmark=np.array([question.benchmark for question in covered], np.int32),
        rating=np.array([question.rating for question in covered], np.float32),
    )  # fmt: skip
    return covered


def _coverage(every: list[Question], covered: list[Question]) -> dict[str, dict[str, int]]:
    """Benchmark -> how many of its questions are covered, of how many."""
    return {
        name: {
            "covered": sum(question.benchmark == number for question in covered),
            "total": sum(question.benchmark == number for question in every),
        }
        for number, name in enumerate(BENCHMARKS)
    }
