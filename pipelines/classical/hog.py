"""Histograms of oriented gradients (HOG): the directions of an image's edges, cell by cell.

At every pixel the gradient g = (dx, dy) has a length |g| and an orientation, its angle modulo 180
degrees. Each cell of the image gets a histogram of nine orientations, in which a pixel counts by
its |g|. Blocks v of 2 x 2 cells are then normalised by L2-Hys: v / sqrt(|v|^2 + e), clipped at 0.2,
and normalised again, so that illumination and contrast do not matter.

Reference: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005,
https://doi.org/10.1109/CVPR.2005.177.
"""

import numpy as np

BINS = 9
CLIP = 0.2
EPSILON = 1e-6
CHUNK = 2048  # images at a time


def hog(images: np.ndarray, cell: int) -> np.ndarray:
    """HOG features, (n, features) float32.

    Computed in double precision and rounded once, so that a served graph, whose sums have another
    order, gives the same numbers. Of several channels the one with the longest gradient counts, and
    a pixel votes for the two nearest orientations, by linear interpolation. Differs from the paper:
    votes are not shared between neighbouring cells.

    Args:
        images: (n, H, W, C) uint8; H and W are multiples of `cell`, two at least.
        cell: the side of a cell in pixels.
    """
    starts = range(0, len(images), CHUNK)
    return np.concatenate([_hog(images[start : start + CHUNK], cell) for start in starts])


def _hog(images: np.ndarray, cell: int) -> np.ndarray:
    values = np.sqrt(images.astype(np.float64) / 255)  # the paper's gamma correction
    down, across = np.zeros_like(values), np.zeros_like(values)  # (n, H, W, C)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    across[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    strongest = (down**2 + across**2).argmax(axis=3)[..., None]
    down, across = (
        np.take_along_axis(x, strongest, axis=3)[..., 0] for x in (down, across)
    )  # (n, H, W)
    length = np.sqrt(down**2 + across**2)
    position = (np.arctan2(down, across) % np.pi) * (BINS / np.pi) - 0.5
    lower = np.floor(position)
    upper_share = position - lower
    rows, height, width = length.shape
    cells = np.zeros((rows, height // cell, width // cell, BINS))
    for number in range(BINS):
        votes = length * (
            (lower % BINS == number) * (1 - upper_share)
            + ((lower + 1) % BINS == number) * upper_share
        )
        blocks = votes.reshape(rows, height // cell, cell, width // cell, cell)
        cells[..., number] = blocks.sum(axis=(2, 4))
    return _normalized(cells).reshape(rows, -1).astype(np.float32)


def _normalized(cells: np.ndarray) -> np.ndarray:
    """(n, rows, columns, BINS) cells -> (n, rows - 1, columns - 1, 4 * BINS) blocks, by L2-Hys."""
    corners = (cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:])
    blocks = np.concatenate(corners, axis=3)
    for _ in range(2):
        blocks = blocks / np.sqrt(np.sum(blocks**2, axis=3, keepdims=True) + EPSILON)
        blocks = np.minimum(blocks, CLIP)
    return blocks / np.sqrt(np.sum(blocks**2, axis=3, keepdims=True) + EPSILON)


def mean_colours(images: np.ndarray, cells: int) -> np.ndarray:
    """(n, H, W, C) uint8 -> (n, cells * cells * C) float32: mean colours of a grid, 0 to 1."""
    rows, height, width, channels = images.shape
    blocks = images.reshape(rows, cells, height // cells, cells, width // cells, channels)
    means = blocks.mean(axis=(2, 4), dtype=np.float64) / 255
    return means.reshape(rows, -1).astype(np.float32)
