"""Linear classifiers of several sets of features, of which the best on validation predicts.

Shapes: n rows, d features, k classes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical.linear_sequences import LinearMap, logistic
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

COMPONENTS = "components.json"
CONSTANT = 1e-9  # standard deviation of a feature that is the same in all rows

Features = Callable[[Columns], np.ndarray]  # columns of a split -> (n, d) float64


@dataclass(frozen=True)
class LinearClassifier:
    """One fitted component: the classes' logits are features @ weights + biases."""

    features: Features
    map: LinearMap
    selection: Selection

    @property
    def parameters(self) -> int:
        return self.map.weights.size + self.map.biases.size

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        probabilities = self.map(self.features(columns))[:, 0]  # (n, k)
        return {
            "probabilities": probabilities.astype(np.float32),
            "predicted": probabilities.argmax(axis=1).astype(np.int32),
        }


@dataclass
class LinearComponents:
    """An `Estimator`: multinomial logistic regression on each set of features.

    Args:
        spec: of the data set.
        features: name of a component -> what it sees.
        penalties: the inverse strengths that are tried on val, for each component.
        standardised: whether features are scaled to mean 0 and variance 1 over train. The scale
            becomes part of the stored weights.
    """

    spec: DataSpec
    features: Mapping[str, Features]
    penalties: Sequence[float]
    standardised: bool = False
    components: Mapping[str, LinearClassifier] = field(default_factory=dict)
    decision = DecisionRule()

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
        return self.model.parameters

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is random."""
        self.components = {
            name: self._fitted(extract, train, val) for name, extract in self.features.items()
        }

    def _fitted(self, extract: Features, train: Columns, val: Columns) -> LinearClassifier:
        target = self.spec.target.name
        labels, expected = np.asarray(train[target])[:, None], np.asarray(val[target])
        seen, checked = extract(train), extract(val)
        trials = []
        for penalty in self.penalties:
            fitted = self._map(seen, labels, penalty)
            accuracy = float(np.mean(fitted(checked)[:, 0].argmax(axis=1) == expected))
            settings = f"penalty {penalty:g}, accuracy {accuracy:.3f} on val"
            selection = Selection(settings, "val/accuracy", accuracy)
            trials.append(LinearClassifier(extract, fitted, selection))
        return max(trials, key=lambda trial: trial.selection.value)

    def _map(self, features: np.ndarray, labels: np.ndarray, penalty: float) -> LinearMap:
        if not self.standardised:
            return logistic(features, labels, self.spec.outputs, penalty)
        mean, deviation = features.mean(axis=0), features.std(axis=0)
        scale = np.where(deviation > CONSTANT, deviation, np.inf)
        fitted = logistic((features - mean) / scale, labels, self.spec.outputs, penalty)
        weights = fitted.weights / scale[:, None]
        return LinearMap(fitted.positions, weights, fitted.biases - mean @ weights[0], False)

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        return self.model.predict(columns)

    def save(self, folder: Path) -> None:
        selections = {name: asdict(part.selection) for name, part in self.components.items()}
        (folder / COMPONENTS).write_text(json.dumps(selections, indent=1) + "\n", "utf-8")
        for name, part in self.components.items():
            linear = {"weights": part.map.weights[0], "biases": part.map.biases[0]}
            arrays.write_each(folder / name, linear)

    def restore(self, folder: Path) -> None:
        selections = json.loads((folder / COMPONENTS).read_text("utf-8"))
        self.components = {
            name: LinearClassifier(
                self.features[name], _stored_map(folder / name), Selection(**selection)
            )
            for name, selection in selections.items()
        }


def _stored_map(folder: Path) -> LinearMap:
    linear = arrays.read_each(folder)
    weights, biases = linear["weights"][None], linear["biases"][None]
    return LinearMap(np.zeros(1, np.int64), weights, biases, is_number=False)
