"""A linear model of a whole sequence: what needs no memory, as every step is seen at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.classical import Selection
from pipelines.classical.linear_sequences import Features, LinearMap, logistic, ridge
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

PENALTIES = (0.01, 1.0, 100.0)


def linear_sequence(spec: DataSpec) -> "LinearSequence":
    """Ridge regression of a number, or logistic regression of a class or of one at each step.

    It has a weight for each step, so it cannot forget and cannot be used for another length. What
    it solves (copying) is hard for a recurrent network alone; what it cannot (the product of value
    and marker in the adding problem) is more than a matter of memory. The penalty is the one of
    0.01, 1 and 100 with the lowest loss on val.

    Args:
        spec: of a data set of sequences.
    """
    return LinearSequence(spec)


class LinearSequence:
    """An `Estimator`."""

    def __init__(self, spec: DataSpec):
        self.spec = spec
        (self.name,) = spec.inputs
        self.decision = DecisionRule()

    def fit(self, train: Mapping, val: Mapping, seed: int) -> None:
        """Fits one map for each penalty, and selects by val. seed: nothing is random."""
        field, target = self.spec.inputs[self.name], self.spec.target.name
        sequences = np.asarray(train[self.name])
        self.features = Features.of(sequences, field.size or 0)
        features = self.features(sequences)
        targets = np.asarray(train[target])
        checked = self.features(np.asarray(val[self.name])), np.asarray(val[target])
        losses = {}
        for penalty in PENALTIES:
            fitted = self._map(features, targets, penalty)
            losses[penalty] = loss = self._loss(fitted, *checked)
            if loss == min(losses.values()):
                self.map, best = fitted, penalty
        settings = f"penalty {best:g}, loss {losses[best]:.4g} on val"
        self.selection = Selection(settings, "val/loss", losses[best], "min")

    def predict(self, columns: Mapping) -> dict[str, Any]:
        """{"values": numbers (n,), or probabilities (n, k) or (n, T, k)}, float32."""
        values = self.map(self.features(np.asarray(columns[self.name]))).astype(np.float32)
        shape = (len(values), *self.spec.target.shape)
        return {"values": values.reshape(shape if self.map.is_number else (*shape, -1))}

    @property
    def components(self) -> "dict[str, LinearSequence]":
        return {"linear": self}

    @property
    def parameters(self) -> int:
        return self.map.weights.size + self.map.biases.size

    def save(self, folder: Path) -> None:
        for name, values in {
            "steps": self.features.steps, "positions": self.map.positions,
            "weights": self.map.weights, "biases": self.map.biases,
        }.items():  # fmt: skip
            arrays.write(folder / name, {"values": values})
        self.selection.save(folder)

    def restore(self, folder: Path) -> None:
        self.selection = Selection.restored(folder)
        steps, positions, weights, biases = (
            np.asarray(arrays.read(folder / name)["values"])
            for name in ("steps", "positions", "weights", "biases")
        )
        self.features = Features(self.spec.inputs[self.name].size or 0, steps)
        self.map = LinearMap(positions, weights, biases, self._is_number)

    @property
    def _is_number(self) -> bool:
        return self.spec.target.kind == "real"

    def _map(self, features: np.ndarray, targets: np.ndarray, penalty: float) -> LinearMap:
        if self._is_number:
            return ridge(features, targets, penalty)
        by_position = targets.reshape(len(targets), -1)  # (n, P)
        return logistic(features, by_position, self.spec.outputs, penalty)

    def _loss(self, fitted: LinearMap, features: np.ndarray, targets: np.ndarray) -> float:
        """Mean squared error, or mean cross-entropy a position."""
        answers, by_position = fitted(features), targets.reshape(len(targets), -1)
        if self._is_number:
            return float(np.mean(np.square(answers[..., 0] - by_position)))
        of_target = np.take_along_axis(answers, by_position[..., None], axis=2)
        return float(-np.log(of_target).mean())
