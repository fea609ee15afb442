"""The linear classifiers on n-grams that are tried on a corpus of texts.

- tfidf_svm: a support vector machine on the TF-IDF of words, or of characters (Joachims, ECML 1998,
  https://doi.org/10.1007/BFb0026683).
- union_svm: the same on both at once, which scikit-learn calls a feature union.
- nb_svm: see `pipelines.classical.nb_svm`.
"""

from dataclasses import dataclass, field

from sklearn.svm import LinearSVC

from pipelines.classical.nb_svm import NaiveBayesSVM
from pipelines.classical.ngram_features import Ngrams

# Beyond so many characters their n-grams take an hour and tens of gigabytes; words are counted.
MANY_CHARACTERS = 10_000_000
# So do fewer, where there is a classifier for each of many classes.
CHARACTERS_AND_CLASSES = 100_000_000
MANY_CLASSES = 50
PENALTIES = {"tfidf_svm": (0.1, 1.0, 10.0), "nb_svm": (0.03, 0.1, 1.0)}
# The paper's, and less of it: interpolation moves the boundary where classes are imbalanced.
INTERPOLATIONS = (0.25, 0.5, 1.0)
TFIDF_WORDS = Ngrams("words", 2, lowercase=True, weighting="tfidf")
TFIDF_CHARACTERS = Ngrams("characters", 5, lowercase=False, weighting="tfidf")
PRESENCE = (
    Ngrams("words", 2, lowercase=True, weighting="presence"),
    Ngrams("words", 3, lowercase=True, weighting="presence"),
    Ngrams("characters", 7, lowercase=True, weighting="presence"),
)


@dataclass(frozen=True)
class Candidate:
    """Features, and the classifiers to try on them.

    Args:
        component: its name among the baselines: of the candidates of one name validation selects
            the best.
        family: "tfidf_svm" or "nb_svm".
        ngrams: what is counted; the features of several are put side by side.
        classifiers: settings, for people -> a classifier that is not fitted.
    """

    component: str
    family: str
    ngrams: tuple[Ngrams, ...]
    classifiers: dict[str, LinearSVC | NaiveBayesSVM] = field(compare=False)

    @property
    def name(self) -> str:
        return " and ".join(ngrams.name for ngrams in self.ngrams)

    @property
    def units(self) -> str:
        """ "words", "characters" or "words_and_characters"."""
        return "_and_".join(dict.fromkeys(ngrams.unit for ngrams in self.ngrams))


def has_many_characters(characters: int, classes: int) -> bool:
    """Whether n-grams of characters are too many for so many classifiers, one a class."""
    return characters > MANY_CHARACTERS or characters * classes > CHARACTERS_AND_CLASSES


def candidates(seed: int) -> list[Candidate]:
    """All of them; of equal ones the first is selected."""
    svms = {f"C={c:g}": LinearSVC(C=c, random_state=seed) for c in PENALTIES["tfidf_svm"]}
    nb_svms = {
        f"interpolation={share:g}, C={c:g}": NaiveBayesSVM(c, 1.0, share, seed)
        for c in PENALTIES["nb_svm"]
        for share in INTERPOLATIONS
    }
    return [
        Candidate("tfidf_svm", "tfidf_svm", (TFIDF_WORDS,), svms),
        Candidate("tfidf_svm", "tfidf_svm", (TFIDF_CHARACTERS,), svms),
        *(Candidate("nb_svm", "nb_svm", (ngrams,), nb_svms) for ngrams in PRESENCE),
        Candidate("union_svm", "tfidf_svm", (TFIDF_WORDS, TFIDF_CHARACTERS), svms),
    ]
