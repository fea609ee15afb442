"""Histograms of oriented gradients: what a picture's edges look like, place by place.

Reference: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.
"""

import numpy as np

BINS = 9
CLIP = 0.2
EPSILON = 1e-6
CHUNK = 2048  # pictures at a time


def hog(pictures: np.ndarray, cell: int) -> np.ndarray:
    """(n, H, W, C) uint8 -> (n, features) float32; H and W multiples of `cell`, two at least.

    The gradient of the strongest channel votes for the two nearest of nine directions (of a half
    turn), by its length; votes are summed over cells and normalised over blocks of 2 x 2 cells
    (L2, cut at 0.2, L2 again). Differs from the paper: votes are not shared between cells.
    """
    starts = range(0, len(pictures), CHUNK)
    return np.concatenate([_hog(pictures[start : start + CHUNK], cell) for start in starts])


def _hog(pictures: np.ndarray, cell: int) -> np.ndarray:
    values = np.sqrt(pictures.astype(np.float32) / 255)  # the paper's gamma correction
    down, across = np.zeros_like(values), np.zeros_like(values)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    across[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    length = np.hypot(down, across)
    strongest = length.argmax(axis=3)[..., None]
    length, down, across = (
        np.take_along_axis(x, strongest, axis=3)[..., 0] for x in (length, down, across)
    )
    place = (np.arctan2(down, across) % np.pi) * (BINS / np.pi) - 0.5
    lower = np.floor(place)
    upper_share = place - lower
    rows, height, width = length.shape
    cells = np.zeros((rows, height // cell, width // cell, BINS), np.float32)
    for number in range(BINS):
        votes = length * (
            (lower % BINS == number) * (1 - upper_share)
            + ((lower + 1) % BINS == number) * upper_share
        )
        blocks = votes.reshape(rows, height // cell, cell, width // cell, cell)
        cells[..., number] = blocks.sum(axis=(2, 4))
    return _normalised(cells).reshape(rows, -1)


def _normalised(cells: np.ndarray) -> np.ndarray:
    corners = (cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:])
    blocks = np.concatenate(corners, axis=3)
    for _ in range(2):
        blocks = blocks / np.sqrt(np.sum(blocks**2, axis=3, keepdims=True) + EPSILON)
        blocks = np.minimum(blocks, CLIP)
    return blocks / np.sqrt(np.sum(blocks**2, axis=3, keepdims=True) + EPSILON)


def colours(pictures: np.ndarray, cells: int) -> np.ndarray:
    """(n, H, W, C) uint8 -> (n, cells * cells * C) float32: mean colours of a grid, 0 to 1."""
    rows, height, width, channels = pictures.shape
    blocks = pictures.reshape(rows, cells, height // cells, cells, width // cells, channels)
    return (blocks.mean(axis=(2, 4), dtype=np.float32) / 255).reshape(rows, -1)
