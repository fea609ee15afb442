"""How the whole screen moves, and where it changes: features of short movies.

Shapes: n movies of T frames, (n, T, H, W, C) uint8; d features.

    moved_t = argmin over v of sum over pixels of (I_t + v . gradient I)^2

is the displacement from a frame to the next one in pixels, one for all pixels (Lucas and Kanade,
"An Iterative Image Registration Technique", IJCAI 1981): a linear system of two equations, in which
I is the mean of both frames. Many things that move in different ways cannot be told by it.
"""

from dataclasses import dataclass

import numpy as np

CHUNK = 64  # movies at a time
PARTS = 3  # of a movie: beginning, middle, end
SMALLEST = 1e-6  # added to the squares of gradients: a screen of one colour does not move


@dataclass(frozen=True)
class MotionFeatures:
    """(n, T, H, W, C) uint8 -> (n, d) float64.

    They are: the mean displacement (down, right) in each third of the movie; the mean size of both
    components; the mean cross product of successive displacements, positive where the way turns to
    the left; and the mean change of brightness in cells x cells parts of the screen.

    Args:
        cells: on each side.
    """

    cells: int

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        starts = range(0, len(frames), CHUNK)
        return np.concatenate([self._of_some(frames[s : s + CHUNK]) for s in starts])

    def _of_some(self, frames: np.ndarray) -> np.ndarray:
        grey = np.asarray(frames, np.float64).mean(axis=4) / 255  # (n, T, H, W)
        moved, change = displacements(grey), np.abs(np.diff(grey, axis=1))
        before, after = moved[:, :-1], moved[:, 1:]
        turned = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
        bounds = np.linspace(0, moved.shape[1], PARTS + 1).round().astype(int)
        parts = [moved[:, a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True) if b > a]
        pooled = self.cell_means(change.mean(axis=1)).reshape(len(frames), -1)
        return np.concatenate(
            [
                *(part.mean(axis=1) for part in parts),
                np.abs(moved).mean(axis=1),
                turned.mean(axis=1, keepdims=True),
                pooled,
            ],
            axis=1,
        )

    def cell_means(self, change: np.ndarray) -> np.ndarray:
        """(n, H, W) -> (n, cells, cells)."""
        rows, columns = (self.averages(side, self.cells) for side in change.shape[1:])
        return np.einsum("rh,nhw,cw->nrc", rows, change, columns)

    @staticmethod
    def averages(side: int, cells: int) -> np.ndarray:
        """(cells, side): each row averages the pixels of a cell, of which there is always one."""
        starts = np.arange(cells) * side // cells
        ends = np.maximum(np.arange(1, cells + 1) * side // cells, starts + 1)
        pixel = np.arange(side)
        inside = (pixel >= starts[:, None]) & (pixel < ends[:, None])
        return inside / inside.sum(axis=1, keepdims=True)


def displacements(grey: np.ndarray) -> np.ndarray:
    """(n, T, H, W) -> (n, T - 1, 2): down and right, in pixels, from each frame to the next."""
    first, second = grey[:, :-1], grey[:, 1:]
    mean, change = (first + second) / 2, (second - first)[:, :, 1:-1, 1:-1]
    down = (mean[:, :, 2:, 1:-1] - mean[:, :, :-2, 1:-1]) / 2
    right = (mean[:, :, 1:-1, 2:] - mean[:, :, 1:-1, :-2]) / 2

    def total(a, b):
        return np.einsum("nthw,nthw->nt", a, b)

    a, b, d = total(down, down) + SMALLEST, total(down, right), total(right, right) + SMALLEST
    u, v = -total(down, change), -total(right, change)
    return np.stack([d * u - b * v, a * v - b * u], axis=2) / (a * d - b * b)[..., None]
