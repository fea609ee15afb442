"""What a classifier of images without a network sees: edges (HOG), edges and colours, or pixels."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.classical.hog import hog, mean_colours
from pipelines.preprocessing import image_decoding

SMALL, LARGE = 32, 64  # sides that images are resized to: above 32 pixels, to 64
COLOUR_CELLS = 8  # a side of the grid of mean colours
Kind = Literal["edges", "edges_and_colours", "pixels"]


@dataclass(frozen=True)
class ImageFeatures:
    """(n, H, W, C) uint8 images -> (n, features) float32.

    Args:
        kind: of the features.
        size: (height, width) that images are resized to before.
        cell: the side of a HOG cell in pixels; 0 for pixels.
    """

    kind: Kind
    size: tuple[int, int]
    cell: int = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        images = resized(images, self.size)
        if self.kind == "pixels":
            pixels = images.astype(np.float64) / 255
            return pixels.reshape(len(images), -1).astype(np.float32)
        edges = hog(images, self.cell)
        if self.kind == "edges":
            return edges
        return np.concatenate([edges, mean_colours(images, COLOUR_CELLS)], axis=1)

    def __str__(self) -> str:
        if self.kind == "pixels":
            return "pixels"
        colours = " and colours" if self.kind == "edges_and_colours" else ""
        return f"edges in cells of {self.cell} px{colours}"


def candidates(shape: tuple[int, int, int]) -> list[ImageFeatures]:
    """Those to select from for images of this shape, (H, W, C)."""
    height, width, channels = shape
    side = SMALL if max(height, width) <= SMALL else LARGE
    square = (side, side)
    colours = [ImageFeatures("edges_and_colours", square, side // 8)] if channels > 1 else []
    size = (height, width) if max(height, width) <= SMALL else (SMALL, SMALL)
    return [
        ImageFeatures("edges", square, side // 8),
        ImageFeatures("edges", square, side // 4),
        *colours,
        ImageFeatures("pixels", size),
    ]


def resized(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if images.shape[1:3] == size:
        return np.asarray(images)
    return np.stack([image_decoding.resize(image, *size) for image in images])
