"""Baselines of translation: the source itself, and dictionary and translation-memory methods.

- copy: the source, untranslated.
- memory: the best on val, by BLEU, of a word-by-word dictionary (IBM Model 1), a translation memory
  (the translation of the most similar training sentence), and the memory with repaired words.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from sacrebleu.metrics import BLEU
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from pipelines.spec import DataSpec
from pipelines.tasks.translation.metrics import Outputs, of_texts

TOKENS = r"\d+(?:[.,:]\d+)*|\w+|[^\w\s]"
EM_ITERATIONS = 6  # the likelihood has converged by then
Texts = Sequence[str]


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time. seed: nothing is random."""
    train_pairs, val_pairs = (
        (list(split[spec.request_inputs[0]]), list(split["reference"])) for split in (train, val)
    )
    sources = list(test[spec.request_inputs[0]])
    yield "baseline_copy", copy(sources)
    yield "baseline_memory", translation_memory(train_pairs, val_pairs, sources)


def copy(sources: Texts) -> Outputs:
    """The source itself: correct for names and numbers."""
    return of_texts(list(sources))


def translation_memory(
    train: tuple[Texts, Texts], val: tuple[Texts, Texts], sources: Texts
) -> Outputs:
    """The best on val, by BLEU, of three classical methods.

    words: each word's most probable translation, in the order of the source. memory: the
    translation of the most similar training sentence. repaired memory: that, with the words in
    which the two sources differ replaced by their translations (after Koehn and Senellart,
    "Convergence of Translation Memory and Statistical Machine Translation", 2010). The selected
    method then translates `sources` from train and val together.
    """
    quality = {
        name: BLEU(force=True).corpus_score(method(train, val[0]), [list(val[1])]).score
        for name, method in METHODS.items()
    }
    best = max(quality, key=quality.get)
    pairs = ([*train[0], *val[0]], [*train[1], *val[1]])
    selection = f"{best} of {', '.join(f'{name} {bleu:.1f}' for name, bleu in quality.items())}"
    return of_texts(METHODS[best](pairs, sources), selection)


def word_by_word(train: tuple[Texts, Texts], sources: Texts) -> list[str]:
    """An unknown word is copied, which is mostly correct for numbers."""
    dictionary = most_probable_translations(*_tokens(train))
    return [_join(dictionary.get(word, word) for word in words) for words in _split(sources)]


def nearest(train: tuple[Texts, Texts], sources: Texts) -> list[str]:
    return [train[1][row] for row in _nearest_rows(train[0], sources)]


def repaired(train: tuple[Texts, Texts], sources: Texts) -> list[str]:
    """The memory's translation, with words replaced.

    For each word that only the memory's source has, its dictionary translation is looked up in the
    memory's translation, and replaced by that of the next word that only the sentence has.
    """
    dictionary = most_probable_translations(*_tokens(train))
    translations = []
    for row, words in zip(_nearest_rows(train[0], sources), _split(sources), strict=True):
        memory, translation = _split([train[0][row]])[0], _split([train[1][row]])[0]
        missing = list((Counter(words) - Counter(memory)).elements())
        for old in (Counter(memory) - Counter(words)).elements():
            replaced = dictionary.get(old, old)
            if missing and replaced in translation:
                new = missing.pop(0)
                translation[translation.index(replaced)] = dictionary.get(new, new)
        translations.append(_join(translation))
    return translations


METHODS = {"words": word_by_word, "memory": nearest, "repaired memory": repaired}


def most_probable_translations(
    sources: list[list[str]], targets: list[list[str]]
) -> dict[str, str]:
    """Source word e -> the target word f with the highest t(f | e), by IBM Model 1.

    Expectation maximisation from a uniform t over the words of all translations of e: the expected
    count of a pair is t(f | e) / (sum over the words e' of the sentence, and the empty word, of
    t(f | e')), and t is the normalised count. Pairs that occur are the entries of one sparse table.

    Reference: Brown et al., "The Mathematics of Statistical Machine Translation", 1993,
    https://aclanthology.org/J93-2003/.
    """
    names_e = {w: i for i, w in enumerate(dict.fromkeys(w for s in sources for w in s), 1)}
    names_f = {w: i for i, w in enumerate(dict.fromkeys(w for s in targets for w in s))}
    e, f, token = _occurrences(sources, targets, names_e, names_f)
    pairs, entry = np.unique(e * len(names_f) + f, return_inverse=True)
    of_e = pairs // len(names_f)
    table = 1.0 / np.bincount(of_e)[of_e]
    for _ in range(EM_ITERATIONS):
        share = table[entry]
        share = share / np.bincount(token, weights=share)[token]
        counts = np.bincount(entry, weights=share, minlength=len(pairs))
        table = counts / np.bincount(of_e, weights=counts)[of_e]
    words_e, words_f = list(names_e), list(names_f)
    best: dict[str, str] = {}
    for index in np.lexsort((pairs, -table)):  # most probable first; of ties the earlier one
        if of_e[index]:
            best.setdefault(words_e[of_e[index] - 1], words_f[pairs[index] % len(names_f)])
    return best


def _occurrences(sources, targets, names_e, names_f) -> tuple[np.ndarray, ...]:
    """Each target word (`token`) with each word of its source sentence; e 0 is the empty word."""
    e, f, token, number = [], [], [], 0
    for source, target in zip(sources, targets, strict=True):
        ids = [0, *(names_e[word] for word in source)]
        for word in target:
            e += ids
            f += [names_f[word]] * len(ids)
            token += [number] * len(ids)
            number += 1
    return np.array(e), np.array(f), np.array(token)


def _nearest_rows(train: Texts, sources: Texts) -> np.ndarray:
    """The training row with the highest TF-IDF cosine similarity, over words and word bigrams."""
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKENS, lowercase=False
    )
    memory = sparse.csr_matrix(vectorizer.fit_transform(train))
    queries = vectorizer.transform(sources)
    rows = [
        np.asarray((queries[start : start + 256] @ memory.T).todense()).argmax(axis=1)
        for start in range(0, queries.shape[0], 256)
    ]
    return np.concatenate(rows)


def _tokens(pairs: tuple[Texts, Texts]) -> tuple[list[list[str]], list[list[str]]]:
    return _split(pairs[0]), _split(pairs[1])


def _split(texts: Texts) -> list[list[str]]:
    return [re.findall(TOKENS, text) for text in texts]


def _join(words) -> str:
    """Words to text, with punctuation attached: commas and full stops after, l' before."""
    text = re.sub(r" ([,.!?;:)\]])", r"\1", " ".join(words))
    return re.sub(r"(\w)( ?)(['’-])( ?)(?=\w)", r"\1\3", re.sub(r"([(\[]) ", r"\1", text))
