"""Intensities of images, and how far a reconstruction is from them."""

import numpy as np


def intensities(images: np.ndarray) -> np.ndarray:
    """(n, H, W, C) uint8 -> the same as float64, 0 to 1."""
    return np.asarray(images, np.float64) / 255


def squared_errors(images: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    """(n,) mean squared differences of the pixels of each image.

    Args:
        images, reconstruction: (n, H, W, C) intensities.
    """
    difference = images - np.asarray(reconstruction, np.float64)
    return (difference**2).mean(axis=(1, 2, 3))
