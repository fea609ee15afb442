"""Linear classifiers of a question's words, without and with the pixels of its image.

Shapes: n questions, W counted words, d features of an image, k answers.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical.image_features import ImageFeatures
from pipelines.classical.linear_sequences import LinearMap, logistic
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.storage.repeated import Repeated

PENALTIES = (0.1, 10.0)
SETTINGS = "components.json"
FEATURES = {"question_only": False, "question_and_pixels": True}  # component -> has it pixels?


def linear_vqa(spec: DataSpec, *, words: int = 500, side: int = 8) -> "LinearVqa":
    """Logistic regression of the answer on the words of the question and on a small image.

    As the image is added to the question and never multiplied with it, a word cannot choose which
    pixels count: this is how far one comes with the prior of the question, shifted by the image.
    Without pixels it is the strongest that knows the question alone. Both are fitted; penalties of
    0.1 and 10 are tried on val, and the better of the two classifiers predicts.

    Differs from Zhou et al.: pixels where they have features of a pretrained network.

    Args:
        spec: of a data set of questions about images.
        words: how many of the most frequent words are counted, present or absent.
        side: the image is resized to so many pixels.

    Reference: Zhou et al., "Simple Baseline for Visual Question Answering", 2015,
    https://arxiv.org/abs/1512.02167.
    """
    return LinearVqa(spec, words, side)


@dataclass(frozen=True)
class Features:
    """What a component sees of a question and its image.

    Args:
        words: W; ids from 1 to W are counted.
        pixels: of the image; None leaves it out.
    """

    words: int
    pixels: ImageFeatures | None

    def __call__(self, columns: Columns) -> np.ndarray:
        """(n, W) or (n, W + d) float64."""
        ids = np.asarray(columns["words"])  # (n, T)
        present = np.zeros((len(ids), self.words + 1))
        rows, places = np.nonzero(ids <= self.words)
        present[rows, ids[rows, places]] = 1
        if self.pixels is None:
            return present[:, 1:]  # without padding
        images = columns["image"]
        if isinstance(images, Repeated):
            of_image = self.pixels(images.values)[images.numbers]
        else:
            of_image = self.pixels(np.asarray(images))
        return np.concatenate([present[:, 1:], of_image], axis=1)


@dataclass(frozen=True)
class LinearAnswers:
    """One fitted component: logits are features @ weights + biases."""

    features: Features
    map: LinearMap
    selection: Selection

    def predict(self, columns: Columns) -> dict[str, Any]:
        probabilities = self.map(self.features(columns))[:, 0]  # (n, k)
        return {
            "probabilities": probabilities.astype(np.float32),
            "predicted": probabilities.argmax(axis=1).astype(np.int32),
        }

    @property
    def parameters(self) -> int:
        return self.map.weights.size + self.map.biases.size


@dataclass
class LinearVqa:
    """An `Estimator`: both components, of which `best` predicts."""

    spec: DataSpec
    words: int
    side: int
    components: Mapping[str, LinearAnswers] = field(default_factory=dict)
    best: str = ""
    decision = DecisionRule()

    def features(self, name: str) -> Features:
        words = min(self.words, (self.spec.inputs["words"].size or 1) - 1)
        pixels = ImageFeatures("pixels", (self.side, self.side)) if FEATURES[name] else None
        return Features(words, pixels)

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is random."""
        self.components = {name: self._fitted(self.features(name), train, val) for name in FEATURES}
        self.best = max(FEATURES, key=lambda name: self.components[name].selection.value)

    def _fitted(self, features: Features, train: Columns, val: Columns) -> LinearAnswers:
        target = self.spec.target.name
        targets = np.asarray(train[target])[:, None]
        seen, checked = features(train), features(val)
        best: LinearAnswers | None = None
        for penalty in PENALTIES:
            fitted = logistic(seen, targets, self.spec.outputs, penalty)
            right = fitted(checked)[:, 0].argmax(axis=1) == np.asarray(val[target])
            accuracy = float(right.mean())
            settings = f"penalty {penalty:g}, accuracy {accuracy:.3f} on val"
            if best is None or accuracy > best.selection.value:
                best = LinearAnswers(
                    features, fitted, Selection(settings, "val/accuracy", accuracy)
                )
        assert best is not None
        return best

    @property
    def model(self) -> LinearAnswers:
        """The one that predicts."""
        return self.components[self.best]

    @property
    def selection(self) -> Selection:
        selection = self.model.selection
        return Selection(f"{self.best}: {selection.settings}", selection.metric, selection.value)

    @property
    def parameters(self) -> int:
        return self.model.parameters

    def predict(self, columns: Columns) -> dict[str, Any]:
        return self.model.predict(columns)

    def save(self, folder: Path) -> None:
        selections = {name: asdict(part.selection) for name, part in self.components.items()}
        settings = {"best": self.best, "selections": selections}
        (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
        for name, part in self.components.items():
            arrays.write(folder / name, {"weights": part.map.weights[0].T})  # (k, d)
            arrays.write(folder / f"{name}_biases", {"biases": part.map.biases[0]})

    def restore(self, folder: Path) -> None:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        self.best = settings["best"]
        self.components = {
            name: LinearAnswers(self.features(name), _map(folder, name), Selection(**selection))
            for name, selection in settings["selections"].items()
        }


def _map(folder: Path, name: str) -> LinearMap:
    weights = np.asarray(arrays.read(folder / name)["weights"]).T
    biases = np.asarray(arrays.read(folder / f"{name}_biases")["biases"])
    return LinearMap(np.zeros(1, np.int64), weights[None], biases[None], is_number=False)
