"""Linear classifiers of short movies: of one frame alone, and of how the screen moves.

Shapes: n movies (n, T, H, W, C), d features, k classes.
"""

from dataclasses import dataclass

import numpy as np

from models.classical import Columns
from models.classical.linear_components import LinearComponents
from pipelines.classical.image_features import ImageFeatures
from pipelines.classical.motion_features import MotionFeatures
from pipelines.spec import DataSpec

PENALTIES = (0.1, 1.0, 10.0)
FRAME, MOTION = "middle_frame", "motion"


def linear_motion(spec: DataSpec, *, cells: int = 4, side: int = 8) -> LinearComponents:
    """Logistic regression on the global motion of a movie, or on its middle frame alone.

    - middle_frame: pixels of one frame. What it knows, no movie is needed for.
    - motion: the displacement of the whole screen and where it changes
      (pipelines/classical/motion_features.py).

    Both are fitted to standardised features; the penalty is selected on val, and the better of the
    two classifiers predicts. Input: frames (n, T, H, W, C). Output: probabilities (n, k).

    Args:
        spec: of a data set of movies.
        cells: of the screen, on each side, in which the change is averaged.
        side: the middle frame is resized to so many pixels.

    Reference: Lucas and Kanade, "An Iterative Image Registration Technique with an Application to
    Stereo Vision", IJCAI 1981.
    """
    (frames,) = spec.inputs
    features = {FRAME: MiddleFrame(frames, side), MOTION: Motion(frames, MotionFeatures(cells))}
    return LinearComponents(spec, features, PENALTIES, standardised=True)


@dataclass(frozen=True)
class MiddleFrame:
    """(n, T, H, W, C) uint8 -> (n, d) float64: the pixels of frame T // 2, resized.

    Args:
        input: the column of frames.
        side: in pixels.
    """

    input: str
    side: int

    @property
    def pixels(self) -> ImageFeatures:
        return ImageFeatures("pixels", (self.side, self.side))

    def __call__(self, columns: Columns) -> np.ndarray:
        frames = np.asarray(columns[self.input])
        return self.pixels(frames[:, frames.shape[1] // 2]).astype(np.float64)


@dataclass(frozen=True)
class Motion:
    """(n, T, H, W, C) uint8 -> (n, d) float64: `MotionFeatures` of the column of frames."""

    input: str
    features: MotionFeatures

    def __call__(self, columns: Columns) -> np.ndarray:
        return self.features(np.asarray(columns[self.input]))
