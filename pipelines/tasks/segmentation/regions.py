"""Shapes in masks: boundaries of classes, and connected regions with thin borders."""

import numpy as np
from scipy import ndimage

from pipelines.preprocessing.mask_files import IGNORED

TOLERANCE = 2  # pixels between a boundary and its match


def boundary_matches(truth: np.ndarray, predicted: np.ndarray, label: int) -> np.ndarray:
    """(4,) boundary pixels of a class: predicted, those near a true one, true, near a predicted.

    Near is within TOLERANCE pixels. A boundary pixel has a neighbour (of four) of another class;
    the border of the image is none, and neither are pixels at IGNORED ones.

    Reference: Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic
    segmentation?", BMVC 2013, https://doi.org/10.5244/C.27.32.
    """
    known = ~ndimage.binary_dilation(truth == IGNORED)
    actual, guess = (boundary(mask == label) & known for mask in (truth, predicted))
    return np.array([
        guess.sum(), (guess & near(actual)).sum(), actual.sum(), (actual & near(guess)).sum()
    ])  # fmt: skip


def boundary(region: np.ndarray) -> np.ndarray:
    """(h, w) bool: the pixels of a region that touch what is not in it."""
    return region & ~ndimage.binary_erosion(region, border_value=1)


def near(pixels: np.ndarray) -> np.ndarray:
    """(h, w) bool: the pixels within TOLERANCE of one of `pixels`."""
    if not pixels.any():
        return pixels
    places = np.arange(-TOLERANCE, TOLERANCE + 1)
    disk = places[:, None] ** 2 + places**2 <= TOLERANCE**2
    return ndimage.binary_dilation(pixels, disk)


def v_rand_sums(truth: np.ndarray, predicted: np.ndarray, border: int) -> np.ndarray:
    """(3,) sums of p_ij^2, s_i^2 and t_j^2, of which `v_rand` is made.

    True segments are the connected regions (of four neighbours) that are not of the class `border`.
    Predicted ones likewise, and then thinned: each pixel of the border joins the nearest segment,
    as the width of a membrane is a matter of taste. p_ij is the share of the pixels that are in
    segment i of the prediction and j of the truth; s and t are its sums over rows and columns. Only
    pixels with a true segment count.
    """
    known = truth != IGNORED
    actual, _ = ndimage.label(known & (truth != border))
    segments, _ = ndimage.label(predicted != border)
    if not segments.any():
        segments = np.ones_like(segments)  # all border: thinned, one segment
    else:
        indices = ndimage.distance_transform_edt(
            segments == 0, return_distances=False, return_indices=True
        )
        segments = segments[tuple(indices)]
    inside = actual > 0
    if not inside.any():
        return np.zeros(3)
    pairs = segments[inside].astype(np.int64) * (actual.max() + 1) + actual[inside]
    pair, counts = np.unique(pairs, return_counts=True)
    shares = counts / counts.sum()
    s = np.bincount(pair // (actual.max() + 1), shares)
    t = np.bincount(pair % (actual.max() + 1), shares)
    return np.array([np.sum(shares**2), np.sum(s**2), np.sum(t**2)])


def v_rand(sums: np.ndarray) -> np.ndarray:
    """(..., 3) sums -> (...): the harmonic mean of Rand's split and merge scores; 1 is perfect.

    Reference: Arganda-Carreras et al., "Crowdsourcing the creation of image segmentation algorithms
    for connectomics", 2015, https://doi.org/10.3389/fnana.2015.00142.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2])
