"""Outputs and scores of segmentation. Imports no framework: `verify` uses it as `evaluate` does.

Every score is a ratio of sums over images, so it is computed for all resamples at once from a few
numbers of each image. Pixels with the id IGNORED count nowhere. A class that occurs neither in the
truth nor in the prediction has no score and is left out of means.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.classical.class_overlap import confusion, dices, ious, mean, ratio
from pipelines.evaluation.bootstrap import weights
from pipelines.preprocessing import image_sizes
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.tasks.segmentation import regions

__all__ = ["Outputs", "confusion", "score", "weights"]


@dataclass(frozen=True)
class Outputs:
    """What a model predicts for the images of a split.

    Args:
        masks: (h, w) uint8 class ids of each image, at its own size or at that of the model.
        selection: the settings that validation selected, for people; "" where there are none.
        probabilities: (h, w, classes) of the first images, for figures; not saved.
    """

    masks: Sequence[np.ndarray]
    selection: str = ""
    probabilities: Sequence[np.ndarray] = ()

    def save(self, folder: Path) -> None:
        """Writes the masks into a new folder."""
        arrays.write(folder, {"masks": arrays.Images.of(self.masks)})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        return cls(arrays.read(folder)["masks"])


def at_one_size(
    outputs: Outputs, test: Mapping, spec: DataSpec
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(true masks, predicted ones at the size of these), (h, w) class ids each."""
    truths = [np.asarray(truth) for truth in test[spec.target.name]]
    return truths, [
        image_sizes.resize_nearest(np.asarray(mask), *truth.shape)
        for truth, mask in zip(truths, outputs.masks, strict=True)
    ]


def score(
    outputs: Outputs, test: Mapping, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting of the images, (1 + resamples,).

    pixel_accuracy: of all pixels. iou_*: intersection over union of a class, TP / (TP + FP + FN),
    its pixels pooled over all images; mean_iou: over classes. dice_*, mean_dice: 2 TP / (2 TP + FP
    + FN), which is the F1 score of a pixel's class. mean_iou_per_image: of each image by itself,
    then over images. boundary_f1: see `regions.boundary_matches`; over classes. v_rand: of the
    regions between the pixels of the positive class, over images; only with a positive class.
    """
    truths, predicted = at_one_size(outputs, test, spec)
    classes = spec.outputs
    of_images = _of_images(truths, predicted, lambda a, b: confusion(a, b, classes))
    pooled = _pooled(weights, of_images)  # (1 + resamples, classes, classes)
    iou, dice = ious(pooled), dices(pooled)
    names = label_names(spec.labels)
    matches = _pooled(weights, _of_images(truths, predicted, lambda a, b: np.stack(
        [regions.boundary_matches(a, b, label) for label in range(classes)]
    )))  # fmt: skip
    metrics = {
        "mean_iou": mean(iou),
        "mean_dice": mean(dice),
        "pixel_accuracy": ratio(np.einsum("rcc->r", pooled), pooled.sum(axis=(1, 2))),
        "boundary_f1": mean(_boundary_f1(matches)),
        "mean_iou_per_image": _weighted_mean(weights, mean(ious(of_images))),
        **{f"iou_{name}": iou[:, number] for number, name in enumerate(names)},
        **{f"dice_{name}": dice[:, number] for number, name in enumerate(names)},
    }
    if spec.positive_id is not None:
        border = spec.positive_id
        sums = _of_images(truths, predicted, lambda a, b: regions.v_rand_sums(a, b, border))
        metrics["v_rand"] = _weighted_mean(weights, regions.v_rand(sums))
    return metrics


def label_names(labels: Sequence[str]) -> list[str]:
    """Labels as parts of the names of metrics, each different."""
    names = [re.sub(r"[^0-9A-Za-z]+", "_", label).strip("_") for label in labels]
    return [
        name if name and names.count(name) == 1 else f"{name}_{number}".strip("_")
        for number, name in enumerate(names)
    ]


def _of_images(truths: Sequence, predicted: Sequence, function: Callable) -> np.ndarray:
    return np.stack([function(a, b) for a, b in zip(truths, predicted, strict=True)])


def _pooled(weights: np.ndarray, of_images: np.ndarray) -> np.ndarray:
    """(1 + resamples, images) and (images, ...) -> (1 + resamples, ...) sums."""
    flat = of_images.reshape(len(of_images), -1).astype(np.float64)
    return (weights.astype(np.float64) @ flat).reshape(-1, *of_images.shape[1:])


def _weighted_mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean over images with a value."""
    defined = np.isfinite(values)
    return ratio(weights @ np.where(defined, values, 0.0), weights @ defined.astype(np.float64))


def _boundary_f1(matches: np.ndarray) -> np.ndarray:
    """(..., 4) -> (...): NaN where neither mask has a boundary."""
    guess, guess_near, actual, actual_near = np.moveaxis(matches, -1, 0)
    precision, recall = ratio(guess_near, guess), ratio(actual_near, actual)
    both = np.nan_to_num(precision) + np.nan_to_num(recall)
    f1 = np.where(both > 0, 2 * np.nan_to_num(precision * recall) / np.maximum(both, 1e-300), 0.0)
    return np.where(guess + actual > 0, f1, np.nan)
