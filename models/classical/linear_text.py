"""Linear classifiers on the n-grams of a text: TF-IDF with an SVM, and NB-SVM."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.classical import Columns, Estimator, Selection
from pipelines.classical import text_candidates, text_selection
from pipelines.classical.calibration import PlattCalibration
from pipelines.classical.ngram_features import Ngrams, vocabulary
from pipelines.classical.text_candidates import Candidate
from pipelines.classical.text_selection import Choice
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

SETTINGS = "components.json"


def linear_text(
    spec: DataSpec,
    *,
    family: Literal["best", "tfidf_svm", "nb_svm"] = "best",
    ngrams: Literal["any", "words", "characters", "words_and_characters"] = "any",
) -> "LinearText":
    """A linear support vector machine on n-grams, whose n-grams and penalty validation selects.

    TF-IDF (Joachims 1998) weights an n-gram that occurs c times in a text, and in d of the n texts
    of train, by

        (1 + log c) * (1 + log((1 + n) / (1 + d))),    then divides by the norm of all of these,

    for words 1 to 2, characters 1 to 5, or both side by side. NB-SVM (Wang and Manning 2012) has
    the presence of an n-gram times its log-count ratio between the classes, for words 1 to 2 or 3,
    or characters 1 to 7. Signs are words, and words are lower-cased.

    n-grams, C and interpolation are selected by the Matthews correlation on rows that the
    classifier was not fitted to: by cross-validation over train and val up to 5,000 rows, beyond on
    val alone. The selected classifier is fitted to train and val together. Probabilities are by
    Platt scaling of the margins of the held-out rows; the class is that of the margin.

    Args:
        spec: of a text classification data set.
        family: "tfidf_svm", "nb_svm", or the one that is better in validation; from 50 classes on
            "best" is "tfidf_svm".
        ngrams: what is counted. "words_and_characters" is both at once, for TF-IDF. "any" is what
            is better in validation; characters then only in corpora of up to 10 million, or fewer
            of many classes.

    References: Joachims, ECML 1998, https://doi.org/10.1007/BFb0026683; Wang and Manning, ACL 2012,
    https://aclanthology.org/P12-2018.

    Raises:
        UserError: NB-SVM on words and characters at once.
    """
    estimator = LinearText(spec, family, ngrams)
    if not estimator.candidates(seed=0):
        raise UserError(
            "ngrams-unknown",
            f"no {family} on {ngrams}; use `family: tfidf_svm`, or other n-grams",
            key="build.ngrams", value=ngrams,
        )  # fmt: skip
    return estimator


@dataclass(frozen=True)
class Block:
    """Counted n-grams: vocabulary (V,), idf (V,) or None, weights (V, 1) or (V, classes)."""

    ngrams: Ngrams
    vocabulary: list[str]
    idf: np.ndarray | None
    weights: np.ndarray

    def margins(self, texts: list[str]) -> np.ndarray:
        """(n, 1 or k), without the bias."""
        return self.ngrams.vectorizer(self.vocabulary, self.idf).transform(texts) @ self.weights

    @property
    def occurrence_weights(self) -> np.ndarray:
        """(V, 1 or k) weights of a single occurrence, before the norm of the text divides them."""
        return self.weights if self.idf is None else self.weights * self.idf[:, None]


@dataclass(frozen=True)
class LinearModel:
    """One fitted candidate: its margins are the sum of its blocks and the biases, (1 or k,)."""

    text: str
    blocks: tuple[Block, ...]
    biases: np.ndarray
    calibration: PlattCalibration
    selection: Selection

    def predict(self, columns: Columns) -> dict[str, Any]:
        return self.calibration.answers(self.margins(list(columns[self.text])))

    def margins(self, texts: list[str]) -> np.ndarray:
        return sum(block.margins(texts) for block in self.blocks) + self.biases

    @property
    def parameters(self) -> int:
        """Weights, biases and inverse document frequencies."""
        idfs = sum(len(block.vocabulary) for block in self.blocks if block.idf is not None)
        return idfs + sum(block.weights.size for block in self.blocks) + self.biases.size


@dataclass
class LinearText(Estimator):
    """Several linear models, of which `best` predicts."""

    spec: DataSpec
    family: str
    ngrams: str
    components: Mapping[str, LinearModel] = field(default_factory=dict)
    best: str = ""

    def candidates(self, seed: int) -> list[Candidate]:
        return [
            candidate
            for candidate in text_candidates.candidates(seed)
            if self.family in ("best", candidate.family) and self.ngrams in ("any", candidate.units)
        ]

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        name, target = self.spec.request_inputs[0], self.spec.target.name
        texts = [*train[name], *val[name]]
        targets = np.concatenate([train[target], val[target]])
        candidates = self._affordable(self.candidates(seed), sum(map(len, texts)))
        folds = text_selection.validation_folds(texts, targets, len(train[target]), seed)
        choices = text_selection.select(candidates, texts, targets, folds, self.spec.outputs)
        self.components = {
            component: self._fitted(choice, texts, targets) for component, choice in choices.items()
        }
        self.best = max(choices, key=lambda component: choices[component].correlation)

    def _affordable(self, candidates: list[Candidate], characters: int) -> list[Candidate]:
        """Without what would take hours and is not asked for: see `text_candidates`."""
        many = text_candidates.has_many_characters(characters, self.spec.outputs)
        if many and self.ngrams == "any":
            candidates = [candidate for candidate in candidates if candidate.units == "words"]
            print("linear_text: n-grams of words alone, as there are many characters or classes")
        if self.spec.outputs >= text_candidates.MANY_CLASSES and self.family == "best":
            candidates = [c for c in candidates if c.family == "tfidf_svm"]
            print(
                f"linear_text: {self.spec.outputs} classes; from {text_candidates.MANY_CLASSES} on "
                "without NB-SVM, whose time grows most with them"
            )
        return candidates

    def _fitted(self, choice: Choice, texts: list[str], targets: np.ndarray) -> LinearModel:
        """The chosen candidate, fitted to train and val."""
        candidate = choice.candidate
        vectorizers = [ngrams.vectorizer() for ngrams in candidate.ngrams]
        counts = [vectorizer.fit_transform(texts) for vectorizer in vectorizers]
        features = text_selection.side_by_side(counts)
        one = {choice.classifier: candidate.classifiers[choice.classifier]}
        classifier = text_selection.fit_all(one, features, targets)[choice.classifier]
        weights, biases = text_selection.class_weights(classifier, self.spec.outputs)
        blocks, start = [], 0
        for ngrams, vectorizer, count in zip(candidate.ngrams, vectorizers, counts, strict=True):
            end = start + count.shape[1]
            idf = vectorizer.idf_ if ngrams.weighting == "tfidf" else None
            blocks.append(Block(ngrams, vocabulary(vectorizer), idf, weights[start:end]))
            start = end
        return LinearModel(
            self.spec.request_inputs[0], tuple(blocks), np.asarray(biases),
            PlattCalibration.fit(choice.margins, choice.targets),
            Selection(choice.settings, "val/mcc", float(choice.correlation)),
        )  # fmt: skip

    @property
    def model(self) -> LinearModel:
        """The one that predicts."""
        return self.components[self.best]

    @property
    def selection(self) -> Selection:
        model = self.model.selection
        return Selection(f"{self.best}: {model.settings}", model.metric, model.value)

    @property
    def parameters(self) -> int:
        return self.model.parameters

    @property
    def decision(self) -> DecisionRule:
        return self.model.calibration.decision_rule(self.spec.positive_id)

    def predict(self, columns: Columns) -> dict[str, Any]:
        return self.model.predict(columns)

    def save(self, folder: Path) -> None:
        settings: dict[str, Any] = {"best": self.best, "components": {}}
        for name, model in self.components.items():
            settings["components"][name] = {
                "ngrams": [asdict(block.ngrams) for block in model.blocks],
                "biases": model.biases.tolist(),
                "slopes": model.calibration.slopes.tolist(),
                "intercepts": model.calibration.intercepts.tolist(),
                "selection": asdict(model.selection),
            }
            for number, block in enumerate(model.blocks):
                columns = {"ngrams": block.vocabulary, "weights": block.weights}
                if block.idf is not None:
                    columns["idf"] = block.idf
                arrays.write(folder / f"{name}{number}", columns)
        (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")

    def restore(self, folder: Path) -> None:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        self.best, self.components = settings["best"], {}
        for name, stored in settings["components"].items():
            blocks = []
            for number, ngrams in enumerate(stored["ngrams"]):
                columns = arrays.read(folder / f"{name}{number}")
                idf = np.asarray(columns["idf"]) if "idf" in columns else None
                weights = np.asarray(columns["weights"])
                blocks.append(Block(Ngrams(**ngrams), list(columns["ngrams"]), idf, weights))
            self.components[name] = LinearModel(
                self.spec.request_inputs[0], tuple(blocks), np.array(stored["biases"]),
                PlattCalibration(np.array(stored["slopes"]), np.array(stored["intercepts"])),
                Selection(**stored["selection"]),
            )  # fmt: skip
