"""Outputs and metrics of image reconstruction. Imports no framework: `verify` uses it too.

    mse                 mean squared error of the pixels, intensities in 0 to 1
    explained_variance  the share of the images' variance that the reconstructions have: 1 - mse /
                        mean squared distance of the images from the split's mean image
    nearest_neighbour_accuracy  the share of the images whose code has, of all codes of train, one
                        of the same class as its nearest (Euclidean): is the code a representation
                        of what is in the image? No label was used to learn it. Only where train's
                        codes are known, so not of what is served.

All are ratios of sums over images, and intervals are by image.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.classical.nearest_neighbours import nearest
from pipelines.classical.reconstruction import intensities, squared_errors
from pipelines.evaluation.bootstrap import weighted_mean, weights
from pipelines.spec import DataSpec
from pipelines.storage import arrays

__all__ = ["Outputs", "score", "train_codes", "weights"]


@dataclass(frozen=True)
class Outputs:
    """What a model gives to the n images of a split.

    Args:
        reconstruction: (n, H, W, C), intensities in 0 to 1.
        code: (n, k); None of a baseline without one.
        selection: the settings that validation selected, for people; "" where there are none.
        train_code: (m, k) of the images of train; None where these are not known.
        train_label: (m,) their class ids.
    """

    reconstruction: np.ndarray
    code: np.ndarray | None = None
    selection: str = ""
    train_code: np.ndarray | None = None
    train_label: np.ndarray | None = None

    def save(self, folder: Path) -> None:
        names = ("reconstruction", "code", "train_code", "train_label")
        parts = {name: getattr(self, name) for name in names}
        arrays.write_each(folder, {name: part for name, part in parts.items() if part is not None})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        parts = arrays.read_each(folder)
        return cls(
            parts["reconstruction"], parts.get("code"),
            train_code=parts.get("train_code"), train_label=parts.get("train_label"),
        )  # fmt: skip


def train_codes(code: np.ndarray, train: Mapping, spec: DataSpec) -> dict[str, np.ndarray]:
    """Arguments of `Outputs`: the codes of train, with the labels of train."""
    return {"train_code": code, "train_label": np.asarray(train[spec.target.name])}


def score(
    outputs: Outputs, test: Mapping, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting of the images, (1 + resamples,) each."""
    (name,) = spec.inputs
    images = intensities(test[name])
    errors = squared_errors(images, outputs.reconstruction)  # (n,)
    spread = squared_errors(images, np.broadcast_to(images.mean(axis=0), images.shape))
    mse, variance = weighted_mean(errors, weights), weighted_mean(spread, weights)
    ratio = np.divide(mse, variance, out=np.full(len(mse), np.nan), where=variance > 0)
    values = {"mse": mse, "explained_variance": 1 - ratio}
    if outputs.code is not None and outputs.train_code is not None:
        neighbours = nearest(outputs.train_code, outputs.code)
        labels = np.asarray(outputs.train_label)[neighbours]
        right = labels == np.asarray(test[spec.target.name])
        values["nearest_neighbour_accuracy"] = weighted_mean(right, weights)
    return values
