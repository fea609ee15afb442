"""Linear classifiers of short movies: of one frame alone, and of how the screen moves.

Shapes: n movies (n, T, H, W, C), d features, k classes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical.image_features import ImageFeatures
from pipelines.classical.linear_sequences import LinearMap, logistic
from pipelines.classical.motion_features import MotionFeatures
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

PENALTIES = (0.1, 1.0, 10.0)
SELECTIONS = "components.json"
FRAME, MOTION = "middle_frame", "motion"
CONSTANT = 1e-9  # standard deviation of a feature that is the same in all rows


def linear_motion(spec: DataSpec, *, cells: int = 4, side: int = 8) -> "LinearMotion":
    """Logistic regression on the global motion of a movie, or on its middle frame alone.

    - middle_frame: pixels of one frame. What it knows, no movie is needed for.
    - motion: the displacement of the whole screen and where it changes
      (pipelines/classical/motion_features.py).

    Both are fitted to standardised features; the penalty is selected on val, and the better of the
    two classifiers predicts. Input: frames (n, T, H, W, C). Output: probabilities (n, k).

    Args:
        spec: of a data set of movies.
        cells: of the screen, on each side, in which the change is averaged.
        side: the middle frame is resized to so many pixels.

    Reference: Lucas and Kanade, "An Iterative Image Registration Technique with an Application to
    Stereo Vision", IJCAI 1981.
    """
    return LinearMotion(spec, {FRAME: MiddleFrame(side), MOTION: MotionFeatures(cells)})


@dataclass(frozen=True)
class MiddleFrame:
    """(n, T, H, W, C) uint8 -> (n, d) float64: the pixels of frame T // 2, resized.

    side: in pixels.
    """

    side: int

    @property
    def pixels(self) -> ImageFeatures:
        return ImageFeatures("pixels", (self.side, self.side))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        return self.pixels(np.asarray(frames[:, frames.shape[1] // 2])).astype(np.float64)


Features = MiddleFrame | MotionFeatures


@dataclass(frozen=True)
class LinearClassifier:
    """One fitted component: the classes' logits are features @ weights + biases."""

    features: Features
    map: LinearMap
    selection: Selection
    input: str

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        probabilities = self.map(self.features(np.asarray(columns[self.input])))[:, 0]  # (n, k)
        return {
            "probabilities": probabilities.astype(np.float32),
            "predicted": probabilities.argmax(axis=1).astype(np.int32),
        }


@dataclass
class LinearMotion:
    """An `Estimator`: both components, of which the better one on val predicts."""

    spec: DataSpec
    features: Mapping[str, Features]
    components: Mapping[str, LinearClassifier] = field(default_factory=dict)
    decision = DecisionRule()

    @property
    def input(self) -> str:
        (name,) = self.spec.inputs
        return name

    @property
    def best(self) -> str:
        return max(self.components, key=lambda name: self.components[name].selection.value)

    @property
    def model(self) -> LinearClassifier:
        """The one that predicts."""
        return self.components[self.best]

    @property
    def selection(self) -> Selection:
        selection = self.model.selection
        return Selection(f"{self.best}: {selection.settings}", selection.metric, selection.value)

    @property
    def parameters(self) -> int:
        return self.model.map.weights.size + self.model.map.biases.size

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is random."""
        self.components = {name: self._fitted(name, train, val) for name in self.features}

    def _fitted(self, name: str, train: Columns, val: Columns) -> LinearClassifier:
        extract, target = self.features[name], self.spec.target.name
        targets = np.asarray(train[target])[:, None]
        seen, checked = (extract(np.asarray(split[self.input])) for split in (train, val))
        mean, deviation = seen.mean(axis=0), seen.std(axis=0)
        scale = np.where(deviation > CONSTANT, deviation, np.inf)
        best: LinearClassifier | None = None
        for penalty in PENALTIES:
            standard = logistic((seen - mean) / scale, targets, self.spec.outputs, penalty)
            weights = standard.weights / scale[:, None]
            biases = standard.biases - mean @ weights[0]
            fitted = LinearMap(standard.positions, weights, biases, is_number=False)
            right = fitted(checked)[:, 0].argmax(axis=1) == np.asarray(val[target])
            accuracy = float(right.mean())
            settings = f"penalty {penalty:g}, accuracy {accuracy:.3f} on val"
            if best is None or accuracy > best.selection.value:
                selection = Selection(settings, "val/accuracy", accuracy)
                best = LinearClassifier(extract, fitted, selection, self.input)
        assert best is not None
        return best

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        return self.model.predict(columns)

    def save(self, folder: Path) -> None:
        selections = {name: asdict(part.selection) for name, part in self.components.items()}
        (folder / SELECTIONS).write_text(json.dumps(selections, indent=1) + "\n", "utf-8")
        for name, part in self.components.items():
            linear = {"weights": part.map.weights[0], "biases": part.map.biases[0]}
            arrays.write_each(folder / name, linear)

    def restore(self, folder: Path) -> None:
        selections = json.loads((folder / SELECTIONS).read_text("utf-8"))
        self.components = {
            name: LinearClassifier(
                self.features[name], _map(arrays.read_each(folder / name)),
                Selection(**selection), self.input,
            )
            for name, selection in selections.items()
        }  # fmt: skip


def _map(linear: Mapping[str, np.ndarray]) -> LinearMap:
    return LinearMap(
        np.zeros(1, np.int64), linear["weights"][None], linear["biases"][None], is_number=False
    )
