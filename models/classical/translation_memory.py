"""Translation without a network: a dictionary, a translation memory, or a repaired memory."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from sacrebleu.metrics import BLEU

from models.classical import Columns, Selection
from pipelines.classical import translation_memory as methods
from pipelines.classical.translation_memory import SentenceMemory, Translations
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

METHODS = ("words", "memory", "repaired_memory")
SELECTION, DICTIONARY, MEMORY = "selection.json", "dictionary", "memory"
REFERENCE = "reference"  # the column of translations


def translation_memory(
    spec: DataSpec, *, method: Literal["best", "words", "memory", "repaired_memory"] = "best"
) -> "TranslationMemory":
    """The best of three classical methods on val, by BLEU.

    - words: each word's most probable translation by IBM Model 1, in the order of the source.
    - memory: the translation of the most similar sentence of train, by the cosine of TF-IDF over
      words and word bigrams.
    - repaired_memory: that, with the words in which the two sources differ replaced.

    The method then translates from train and val together. Input: text. Output: translation, score
    (the similarity of the sentence, or the share of known words).

    Args:
        spec: of a translation data set.
        method: "best", or the one to use.

    References: see `pipelines.classical.translation_memory` and `word_alignment`.
    """
    return TranslationMemory(spec, method)


class TranslationMemory:
    """The estimator; `method` is the selected one after `fit`."""

    dictionary: dict[str, str]
    memory: SentenceMemory
    selection: Selection

    def __init__(self, spec: DataSpec, method: str):
        self.spec, self.asked, self.method = spec, method, method
        self.decision = DecisionRule()

    @property
    def components(self) -> "dict[str, TranslationMemory]":
        return {"memory": self}

    @property
    def parameters(self) -> int:
        entries = 0 if self.method == "memory" else len(self.dictionary)
        return entries + (0 if self.method == "words" else self.memory.vectors.nnz)

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is drawn at random."""
        text = self.spec.request_inputs[0]
        (train_x, train_y), (val_x, val_y) = (
            (list(split[text]), list(split[REFERENCE])) for split in (train, val)
        )
        self._learn(train_x, train_y)
        quality = {
            method: BLEU(force=True).corpus_score(
                self.translate(val_x, method).translations, [val_y]
            ).score
            for method in (METHODS if self.asked == "best" else [self.asked])
        }  # fmt: skip
        self.method = max(quality, key=quality.__getitem__)
        listed = ", ".join(f"{name.replace('_', ' ')} {bleu:.1f}" for name, bleu in quality.items())
        settings = f"{self.method.replace('_', ' ')}, of BLEU on val: {listed}"
        self.selection = Selection(settings, "val/bleu", quality[self.method])
        self._learn(train_x + val_x, train_y + val_y)

    def _learn(self, sources: list[str], targets: list[str]) -> None:
        self.memory = SentenceMemory(sources, targets)
        self.dictionary = methods.dictionary_of(sources, targets)

    def translate(self, texts: Sequence[str], method: str) -> Translations:
        if method == "words":
            return methods.by_word(self.dictionary, texts)
        repair = method == "repaired_memory"
        return methods.by_sentence(self.memory, self.dictionary, texts, repair)

    def predict(self, columns: Columns) -> dict[str, Any]:
        answer = self.translate(list(columns[self.spec.request_inputs[0]]), self.method)
        return {"translations": answer.translations, "scores": answer.scores.astype("float32")}

    def save(self, folder: Path) -> None:
        entries = {"word": list(self.dictionary), "translation": list(self.dictionary.values())}
        arrays.write(folder / DICTIONARY, entries)
        pairs = {"source": list(self.memory.sources), "target": list(self.memory.targets)}
        arrays.write(folder / MEMORY, pairs)
        stored = {"method": self.method, "selection": asdict(self.selection)}
        (folder / SELECTION).write_text(json.dumps(stored, indent=1) + "\n", "utf-8")

    def restore(self, folder: Path) -> None:
        """The vectors of the memory follow from its sentences, and are computed again."""
        stored = json.loads((folder / SELECTION).read_text("utf-8"))
        self.method, self.selection = stored["method"], Selection(**stored["selection"])
        entries, pairs = arrays.read(folder / DICTIONARY), arrays.read(folder / MEMORY)
        self.dictionary = dict(zip(entries["word"], entries["translation"], strict=True))
        self.memory = SentenceMemory(list(pairs["source"]), list(pairs["target"]))
