"""What a model must beat: leaving the source as it is, and what counting and looking up can do."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from pipelines.tasks.translation.metrics import Outputs, of_texts

TOKENS = r"\d+(?:[.,:]\d+)*|\w+|[^\w\s]"
ROUNDS = 6  # of expectation maximisation; the likelihood has settled by then
Texts = Sequence[str]


def copy(sources: Texts) -> Outputs:
    """The source itself: right for names and numbers, and the least one can do."""
    return of_texts(list(sources))


def memory(train: tuple[Texts, Texts], val: tuple[Texts, Texts], sources: Texts) -> Outputs:
    """The best on val, by BLEU, of three classical methods.

    words: each word's likeliest translation, in the order of the source. memory: the translation of
    the most similar training sentence. repaired memory: that, with the words in which the two
    sources differ exchanged for their translations (after Koehn and Senellart 2010). The chosen one
    then translates `sources` from train and val together.
    """
    quality = {
        name: BLEU(force=True).corpus_score(method(train, val[0]), [list(val[1])]).score
        for name, method in METHODS.items()
    }
    chosen = max(quality, key=quality.get)
    known = ([*train[0], *val[0]], [*train[1], *val[1]])
    return of_texts(METHODS[chosen](known, sources), f"{chosen} of {_shown(quality)}")


def _shown(quality: dict[str, float]) -> str:
    return ", ".join(f"{name} {bleu:.1f}" for name, bleu in quality.items())


def word_by_word(train: tuple[Texts, Texts], sources: Texts) -> list[str]:
    """An unknown word stays as it is. Numbers, never seen before, mostly do well by that."""
    best = likeliest(*_tokens(train))
    return [_join(best.get(word, word) for word in words) for words in _split(sources)]


def nearest(train: tuple[Texts, Texts], sources: Texts) -> list[str]:
    return [train[1][row] for row in _nearest_rows(train[0], sources)]


def repaired(train: tuple[Texts, Texts], sources: Texts) -> list[str]:
    """A word of the nearest source that the sentence has not is looked for, translated, in the
    nearest's translation; there the next word that only the sentence has takes its place."""
    best = likeliest(*_tokens(train))
    found = []
    for row, words in zip(_nearest_rows(train[0], sources), _split(sources), strict=True):
        known, said = _split([train[0][row]])[0], _split([train[1][row]])[0]
        wanted = list((Counter(words) - Counter(known)).elements())
        for old in (Counter(known) - Counter(words)).elements():
            place = best.get(old, old)
            if wanted and place in said:
                new = wanted.pop(0)
                said[said.index(place)] = best.get(new, new)
        found.append(_join(said))
    return found


METHODS = {"words": word_by_word, "memory": nearest, "repaired memory": repaired}


def likeliest(sources: list[list[str]], targets: list[list[str]]) -> dict[str, str]:
    """source word -> its likeliest target word, by IBM Model 1 (Brown et al. 1993).

    t(f | e) begins uniform over the words that ever stand in translations of e. Each round shares
    every target word out among the words of its source sentence, and one that stands for no word,
    in proportion to t, and counts. One sparse matrix holds t; pairs of words are its entries.
    """
    names_e = {w: i for i, w in enumerate(dict.fromkeys(w for s in sources for w in s), 1)}
    names_f = {w: i for i, w in enumerate(dict.fromkeys(w for s in targets for w in s))}
    e, f, token = _occurrences(sources, targets, names_e, names_f)
    pairs, entry = np.unique(e * len(names_f) + f, return_inverse=True)
    of_e = pairs // len(names_f)
    table = 1.0 / np.bincount(of_e)[of_e]
    for _ in range(ROUNDS):
        share = table[entry]
        share = share / np.bincount(token, weights=share)[token]
        counts = np.bincount(entry, weights=share, minlength=len(pairs))
        table = counts / np.bincount(of_e, weights=counts)[of_e]
    words_e, words_f = list(names_e), list(names_f)
    best: dict[str, str] = {}
    for place in np.lexsort((pairs, -table)):  # likeliest first; of equals the earlier one
        if of_e[place]:
            best.setdefault(words_e[of_e[place] - 1], words_f[pairs[place] % len(names_f)])
    return best


def _occurrences(sources, targets, names_e, names_f) -> tuple[np.ndarray, ...]:
    """For each target word occurrence (`token`) each word of its source sentence, 0 for none."""
    e, f, token, number = [], [], [], 0
    for source, target in zip(sources, targets, strict=True):
        own = [0, *(names_e[word] for word in source)]
        for word in target:
            e += own
            f += [names_f[word]] * len(own)
            token += [number] * len(own)
            number += 1
    return np.array(e), np.array(f), np.array(token)


def _nearest_rows(train: Texts, sources: Texts) -> np.ndarray:
    """The training row of the greatest TF-IDF cosine, over words and pairs of words."""
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKENS, lowercase=False
    )
    known = sparse.csr_matrix(vectorizer.fit_transform(train))
    asked = vectorizer.transform(sources)
    rows = [
        np.asarray((asked[start : start + 256] @ known.T).todense()).argmax(axis=1)
        for start in range(0, asked.shape[0], 256)
    ]
    return np.concatenate(rows)


def _tokens(pairs: tuple[Texts, Texts]) -> tuple[list[list[str]], list[list[str]]]:
    return _split(pairs[0]), _split(pairs[1])


def _split(texts: Texts) -> list[list[str]]:
    return [re.findall(TOKENS, text) for text in texts]


def _join(words) -> str:
    """Signs stand beside words as in print, near enough: commas and stops after, l' before."""
    text = re.sub(r" ([,.!?;:)\]])", r"\1", " ".join(words))
    return re.sub(r"(\w)( ?)(['’-])( ?)(?=\w)", r"\1\3", re.sub(r"([(\[]) ", r"\1", text))
