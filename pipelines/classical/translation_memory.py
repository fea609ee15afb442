"""Translation from known sentence pairs: by word, by the most similar sentence, or by both.

A served graph repeats these functions; see `tasks/translation/serve_classical.py`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from pipelines.classical.translation_tokens import TOKENS, join, split
from pipelines.classical.word_alignment import most_probable_translations

BATCH = 256
# Similarities are whole multiples of 1 / PRECISION: sums of another order give the same ones, and
# of equally similar sentences the first is taken.
PRECISION = 1e9


@dataclass(frozen=True)
class SentenceMemory:
    """Sentence pairs, and the TF-IDF of their sources over words and word bigrams.

    Args:
        sources, targets: n sentences of each language.
        vectorizer: fitted to the sources.
        vectors: (n, n-grams) sparse, of unit length.
    """

    sources: Sequence[str]
    targets: Sequence[str]
    vectorizer: TfidfVectorizer = field(init=False)
    vectors: sparse.csr_matrix = field(init=False)

    def __post_init__(self):
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKENS, lowercase=False
        )
        vectors = sparse.csr_matrix(vectorizer.fit_transform(self.sources))
        object.__setattr__(self, "vectorizer", vectorizer)
        object.__setattr__(self, "vectors", vectors)

    def nearest(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(row of the most similar source (n,), cosine similarity (n,)) of each text."""
        queries = self.vectorizer.transform(texts)
        rows, similarities = [], []
        for start in range(0, queries.shape[0], BATCH):
            cosines = (queries[start : start + BATCH] @ self.vectors.T).toarray()
            rounded = np.rint(cosines * PRECISION)
            rows.append(rounded.argmax(axis=1))
            similarities.append(rounded.max(axis=1) / PRECISION)
        return np.concatenate(rows), np.concatenate(similarities)


@dataclass(frozen=True)
class Translations:
    """translations: n texts. scores: (n,), the similarity of the sentence they are from."""

    translations: list[str]
    scores: np.ndarray


def by_word(dictionary: Mapping[str, str], texts: Sequence[str]) -> Translations:
    """Each word's most probable translation, in the order of the source.

    An unknown word is copied, which is mostly correct for numbers. The score is the share of known
    words.
    """
    tokens = [split(text) for text in texts]
    known = [np.mean([word in dictionary for word in words] or [0.0]) for words in tokens]
    translations = [join(dictionary.get(word, word) for word in words) for words in tokens]
    return Translations(translations, np.array(known))


def by_sentence(
    memory: SentenceMemory, dictionary: Mapping[str, str], texts: Sequence[str], repair: bool
) -> Translations:
    """The translation of the most similar sentence; by word where no sentence is similar at all.

    Args:
        memory: of sentence pairs.
        dictionary: source word -> target word.
        texts: to be translated.
        repair: whether words in which the two sources differ are replaced by their translations,
            after Koehn and Senellart, "Convergence of Translation Memory and Statistical Machine
            Translation", 2010.
    """
    rows, similarities = memory.nearest(texts)
    words = by_word(dictionary, texts)
    translations = []
    for text, row, similarity, fallback in zip(
        texts, rows.tolist(), similarities, words.translations, strict=True
    ):
        if similarity == 0:
            translations.append(fallback)
        elif repair:
            pair = memory.sources[row], memory.targets[row]
            translations.append(repaired(dictionary, split(text), *map(split, pair)))
        else:
            translations.append(memory.targets[row])
    return Translations(translations, similarities)


def repaired(
    dictionary: Mapping[str, str], words: list[str], source: list[str], target: list[str]
) -> str:
    """The target, with the translations of some of the source's words replaced.

    For each word that only the memory's source has, its dictionary translation is looked up in the
    memory's target, and replaced by that of the next word that only the sentence has.
    """
    missing = list((Counter(words) - Counter(source)).elements())
    target = list(target)
    for old in (Counter(source) - Counter(words)).elements():
        replaced = dictionary.get(old, old)
        if missing and replaced in target:
            new = missing.pop(0)
            target[target.index(replaced)] = dictionary.get(new, new)
    return join(target)


def dictionary_of(sources: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Source word -> its most probable translation, by IBM Model 1."""
    return most_probable_translations([split(text) for text in sources],
                                      [split(text) for text in targets])  # fmt: skip
