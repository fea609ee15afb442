"""Classical models of signals: a random forest on moments and bands, and MiniRocket with ridge."""

from pathlib import Path
from typing import Literal

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical import ridge_classifier
from pipelines.classical.calibration import PlattCalibration
from pipelines.classical.forests import Forest
from pipelines.classical.minirocket import WEIGHTS, MiniRocket
from pipelines.classical.signal_features import BandFeatures, Series
from pipelines.classical.svm_decisions import OneVsRest
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

METRIC = "val/accuracy"
FOREST, ROCKET = "band_forest", "minirocket"


def signal_classifier(
    spec: DataSpec, *, method: Literal["best", "band_forest", "minirocket"] = "best",
    trees: int = 300, features: int = 10_000,
) -> "SignalClassifier":  # fmt: skip
    """The better one on val of two methods, fitted to train.

    - band_forest: a random forest on moments of each column and the power in its bands
      (pipelines/classical/signal_features.py).
    - minirocket: ridge regression on the features of MiniRocket (pipelines/classical/minirocket.py)
      of the columns, or of a sound's log-mel spectrum; the penalty is selected on val.

    Input: signal (B, T, C). Output: probabilities (B, k), predicted (B,).

    Args:
        spec: of a data set of signals.
        method: "best" on val, or the one to use.
        trees: of the forest.
        features: of MiniRocket, about.

    References: Breiman, "Random Forests", Machine Learning 2001,
    https://doi.org/10.1023/A:1010933404324; Dempster et al. 2021, https://arxiv.org/abs/2012.08791.
    """
    return SignalClassifier(spec, method, trees, features)


class BandForest:
    """Moments and band powers, and a forest of them; probabilities are shares of votes."""

    name = FOREST
    forest: Forest

    def __init__(self, spec: DataSpec, size: int):
        self.classes, self.size = spec.outputs, size
        self.features = BandFeatures.of(spec.task_metadata["rate_hz"], _steps(spec))

    def fit(self, signal: np.ndarray, targets: np.ndarray, val: tuple, seed: int) -> str:
        from sklearn.ensemble import RandomForestClassifier  # here: it takes seconds

        classifier = RandomForestClassifier(self.size, random_state=seed, n_jobs=-1)
        classifier.fit(self.features(signal), targets)
        self.forest = Forest.of(classifier, self.classes)
        return f"{self.size} trees"

    def probabilities(self, signal: np.ndarray) -> np.ndarray:
        """(n, T, C) -> (n, k) float64."""
        votes = self.forest(self.features(signal))
        return votes / votes.sum(axis=1, keepdims=True)

    def arrays(self) -> dict[str, np.ndarray]:
        return self.forest.arrays()

    def restore(self, stored: dict[str, np.ndarray]) -> None:
        self.forest = Forest(**stored)


class RocketRidge:
    """MiniRocket, ridge regression, and Platt's calibration of its margins on val."""

    name = ROCKET
    rocket: MiniRocket
    classifier: OneVsRest
    calibration: PlattCalibration

    def __init__(self, spec: DataSpec, size: int):
        self.classes, self.size = spec.outputs, size
        is_sound = spec.inputs[_input(spec)].kind == "audio"
        self.series = Series.of(spec.task_metadata["rate_hz"], _steps(spec), is_sound)

    def fit(self, signal: np.ndarray, targets: np.ndarray, val: tuple, seed: int) -> str:
        series = self.series(signal)
        if series.shape[1] < WEIGHTS:
            raise UserError(
                "window-too-short", f"MiniRocket needs {WEIGHTS} steps, and a window has "
                f"{series.shape[1]}; lengthen window_seconds, or set method: band_forest",
                key="build.method", value=self.name,
            )  # fmt: skip
        self.rocket = MiniRocket.fit(series, self.size, seed)
        features, checked = self.rocket(series), self.rocket(self.series(val[0]))
        best = -1.0
        for penalty, fitted in ridge_classifier.path(features, targets, self.classes):
            margins, predicted = fitted(checked)
            accuracy = float(np.mean(predicted == val[1]))
            if accuracy >= best:  # of equals the one with the highest penalty
                best, settings = accuracy, f"{features.shape[1]} features, penalty {penalty:g}"
                self.classifier, of_val = fitted, margins
        self.calibration = PlattCalibration.fit(of_val, val[1])
        return settings

    def probabilities(self, signal: np.ndarray) -> np.ndarray:
        """(n, T, C) -> (n, k) float64."""
        margins, _ = self.classifier(self.rocket(self.series(signal)))
        return self.calibration(margins)

    def arrays(self) -> dict[str, np.ndarray]:
        parts = {"rocket": self.rocket, "classifier": self.classifier,
                 "calibration": self.calibration}  # fmt: skip
        return {
            f"{part}_{name}": np.asarray(value)
            for part, holder in parts.items()
            for name, value in vars(holder).items()
        }

    def restore(self, stored: dict[str, np.ndarray]) -> None:
        for part, kind in (("rocket", MiniRocket), ("classifier", OneVsRest),
                           ("calibration", PlattCalibration)):  # fmt: skip
            names = {name.removeprefix(f"{part}_"): value for name, value in stored.items()
                     if name.startswith(f"{part}_")}  # fmt: skip
            setattr(self, part, kind(**names))


class SignalClassifier:
    """An `Estimator`: one method, or the best of two, each of which is a component."""

    decision = DecisionRule()

    def __init__(self, spec: DataSpec, method: str, trees: int, features: int):
        self.spec, self.input = spec, _input(spec)
        candidates = BandForest(spec, trees), RocketRidge(spec, features)
        self.methods = {m.name: m for m in candidates if method in ("best", m.name)}
        self.selections: dict[str, Selection] = {}

    @property
    def best(self) -> BandForest | RocketRidge:
        """The method that answers."""
        return max(self.methods.values(), key=lambda m: self.selections[m.name].value)

    @property
    def selection(self) -> Selection:
        return self.selections[self.best.name]

    @property
    def components(self) -> "dict[str, SignalClassifier | OneMethod]":
        return {name: OneMethod(self, name) for name in self.methods}

    @property
    def parameters(self) -> int:
        return sum(values.size for values in self.best.arrays().values())

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: of trees, of MiniRocket's columns and of the rows that give its biases."""
        signal, targets = self._rows(train)
        checked = self._rows(val)
        for name, method in self.methods.items():
            settings = method.fit(signal, targets, checked, seed)
            predicted = method.probabilities(checked[0]).argmax(axis=1)
            accuracy = float(np.mean(predicted == checked[1]))
            print(f"{name}: {settings}; accuracy {accuracy:.4f} on val", flush=True)
            self.selections[name] = Selection(f"{name}, {settings}", METRIC, accuracy)

    def _rows(self, split: Columns) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(split[self.input]), np.asarray(split[self.spec.target.name])

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        return self.answers(self.best, columns)

    def answers(self, method: BandForest | RocketRidge, columns: Columns) -> dict[str, np.ndarray]:
        """The class is the one with the highest probability, before this is rounded to float32."""
        probabilities = method.probabilities(np.asarray(columns[self.input]))
        return {
            "probabilities": probabilities.astype(np.float32),
            "predicted": probabilities.argmax(axis=1).astype(np.int32),
        }

    def save(self, folder: Path) -> None:
        for name, method in self.methods.items():
            arrays.write_each(folder / name, method.arrays())
            self.selections[name].save(folder / name)

    def restore(self, folder: Path) -> None:
        for name, method in self.methods.items():
            self.selections[name] = Selection.restored(folder / name)
            method.restore(arrays.read_each(folder / name))


class OneMethod:
    """A method of a `SignalClassifier` as a component."""

    def __init__(self, whole: SignalClassifier, name: str):
        self.whole, self.method = whole, whole.methods[name]
        self.selection = whole.selections[name]

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        return self.whole.answers(self.method, columns)


def _input(spec: DataSpec) -> str:
    (name,) = spec.inputs
    return name


def _steps(spec: DataSpec) -> int:
    return spec.inputs[_input(spec)].shape[0]
