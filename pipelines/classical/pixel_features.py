"""Features of a pixel at several scales: brightness, edges and ridges around it.

At each scale the image is blurred by a Gaussian. The gradient tells edges; the eigenvalues of the
Hessian tell ridges, valleys and blobs: at a dark line one is large and the other near 0. All is in
integers, or in one correctly rounded operation on integers, so that numpy and a served graph have
the same features to the bit: a threshold of a tree falls alike.

Reference: Arganda-Carreras et al., "Trainable Weka Segmentation", Bioinformatics 2017,
https://doi.org/10.1093/bioinformatics/btx180.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

SCALES = (1, 2, 4, 8)  # standard deviations in pixels
REACH = 3  # of a kernel, in standard deviations
SUM = 256  # of the weights of a kernel
UNIT = 4096  # of SUM^2: blurred values are in sixteenths of a grey level
OF_SCALE = 4  # features


def kernel(sigma: int) -> np.ndarray:
    """(2 REACH sigma + 1,) int64 weights of a Gaussian; their sum is SUM."""
    places = np.arange(-REACH * sigma, REACH * sigma + 1)
    weights = np.exp(-(places**2) / (2 * sigma**2))
    rounded = np.round(SUM * weights / weights.sum()).astype(np.int64)
    rounded[REACH * sigma] += SUM - rounded.sum()
    return rounded


def count(channels: int) -> int:
    """The number of features."""
    return channels * (1 + OF_SCALE * len(SCALES))


def pixel_features(image: np.ndarray) -> np.ndarray:
    """(h, w, c) uint8 -> (h, w, features) float32.

    Of each channel: its value; then at each scale the blurred value, the squared length of the
    gradient, and the smaller and larger eigenvalue of the Hessian (times constants, which trees do
    not notice). Outside the image lies its mirror image.
    """
    planes = []
    for plane in np.moveaxis(np.asarray(image), 2, 0).astype(np.float64):
        planes.append(plane)
        for sigma in SCALES:
            planes += _of_scale(plane, kernel(sigma).astype(np.float64))
    return np.stack(planes, axis=2).astype(np.float32)


def _of_scale(plane: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    blurred = plane
    for axis in (0, 1):
        blurred = ndimage.correlate1d(blurred, weights, axis=axis, mode="reflect")
    blurred = np.floor((blurred + UNIT / 2) / UNIT)
    return of_blurred(blurred, np.pad(blurred, 1, mode="symmetric"), np.sqrt)


def of_blurred(blurred, wide, sqrt: Callable) -> list:
    """The features of one scale, of arrays of numpy or of TensorFlow.

    Args:
        blurred: (h, w), in sixteenths of a grey level.
        wide: (h + 2, w + 2), the same with a mirrored pixel on each side.
        sqrt: of these arrays.
    """
    middle, up, down = wide[1:-1], wide[:-2], wide[2:]
    across = middle[:, 2:] - middle[:, :-2]
    along = (down - up)[:, 1:-1]
    xx = 4 * (middle[:, 2:] - 2 * blurred + middle[:, :-2])
    yy = 4 * ((down + up)[:, 1:-1] - 2 * blurred)
    xy = (down - up)[:, 2:] - (down - up)[:, :-2]
    root = sqrt((xx - yy) ** 2 + 4 * xy**2)
    return [blurred, across**2 + along**2, xx + yy - root, xx + yy + root]
