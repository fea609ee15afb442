"""Images of sizes of their own: read, shrunk where they are too large, mirrored at their borders.

The rules are in integers, so that a served graph has the same pixels:

- An image whose longer side exceeds `max_side` is shrunk to it by the triangle filter of
  `image_decoding`; its other side in proportion, rounded half up.
- Masks are only ever resized by their nearest pixel: a mean of two class ids is a third class.
- Outside an image lies its mirror image, the pixels at the border included.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipelines.preprocessing import image_decoding


@dataclass(frozen=True)
class AnySizeReader:
    """Encoded bytes -> (height, width, channels) uint8, at the image's own size.

    Args:
        channels: 1 or 3.
        max_side: of the longer side; larger images are shrunk. None: never.
        max_pixels: larger images are refused before they are decoded.
    """

    channels: int
    max_side: int | None = None
    max_pixels: int = image_decoding.MAX_PIXELS

    def __call__(self, data: bytes, name: str) -> np.ndarray:
        """name: of the file, for errors."""
        image = image_decoding.decode(data, name, self.max_pixels)
        if self.channels == 1:
            image = image_decoding.grey(image)
        return image_decoding.resize(image, *self.working_size(*image.shape[:2]))

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """The size at which a model sees an image of this size."""
        longest = max(height, width)
        if self.max_side is None or longest <= self.max_side:
            return height, width
        return tuple(
            max(1, (2 * side * self.max_side + longest) // (2 * longest))
            for side in (height, width)
        )  # type: ignore[return-value]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "AnySizeReader":
        return cls(**json.loads(path.read_text("utf-8")))


def resize_nearest(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w) -> (height, width), each pixel that of the nearest centre."""
    rows, columns = nearest(mask.shape[0], height), nearest(mask.shape[1], width)
    return mask[rows[:, None], columns]


def nearest(size: int, length: int) -> np.ndarray:
    """(length,) which of `size` pixels is nearest to the centre of each of `length`."""
    return (2 * np.arange(length) + 1) * size // (2 * length)


def mirrored(size: int, before: int, after: int) -> np.ndarray:
    """(before + size + after,) the pixel that stands for each place around `size` pixels."""
    places = np.arange(-before, size + after) % (2 * size)
    return np.minimum(places, 2 * size - 1 - places)


def mirror(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, ...) -> at least (height, width, ...): what is missing below and right is mirrored."""
    tall, wide = (max(0, new - old) for new, old in zip((height, width), image.shape, strict=False))
    rows, columns = mirrored(image.shape[0], 0, tall), mirrored(image.shape[1], 0, wide)
    return image[rows[:, None], columns]
