"""How two masks of an image overlap, by class: what segmentation is selected and scored by."""

import numpy as np

from pipelines.preprocessing.mask_files import IGNORED


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) pixels by true and predicted class, without those at IGNORED."""
    known = truth != IGNORED
    pairs = truth[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def ious(confusions: np.ndarray) -> np.ndarray:
    """(..., classes, classes) -> (..., classes) intersection over union; NaN of absent classes."""
    correct = np.einsum("...cc->...c", confusions)
    return ratio(correct, confusions.sum(axis=-1) + confusions.sum(axis=-2) - correct)


def dices(confusions: np.ndarray) -> np.ndarray:
    """(..., classes, classes) -> (..., classes) Dice coefficients; NaN of absent classes."""
    correct = np.einsum("...cc->...c", confusions)
    return ratio(2 * correct, confusions.sum(axis=-1) + confusions.sum(axis=-2))


def mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is defined."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """NaN where the denominator is 0."""
    safe = np.where(denominator > 0, denominator, 1)
    return np.where(denominator > 0, numerator / safe, np.nan)
